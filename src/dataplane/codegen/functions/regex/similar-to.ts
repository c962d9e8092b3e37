/** SIMILAR TO patterns as Java patterns over the whole text: `%` any characters, `_` one, the rest of the operators kept. */

/** The dot stays: it stands for any character, as in Calcite. */
const ESCAPED_IN_JAVA = /[\^$\\]/;

export function similarToRegex(pattern: string, escapeText: string | undefined): string {
  let out = "";
  let inClass = false;
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!;
    if (escapeText !== undefined && char === escapeText && i + 1 < pattern.length) {
      out += quote(pattern[++i]!);
    } else if (inClass) {
      out += char;
      inClass = char !== "]";
    } else if (char === "[") {
      inClass = true;
      out += char;
    } else if (char === "%") out += "(?s:.*)";
    else if (char === "_") out += "(?s:.)";
    else out += ESCAPED_IN_JAVA.test(char) ? `\\${char}` : char;
  }
  return `\\A(?:${out.replace(/\[:(\w+):\]/g, (_, name: string) => posix(name))})\\z`;
}

function quote(char: string): string {
  return /[A-Za-z0-9]/.test(char) ? char : `\\${char}`;
}

function posix(name: string): string {
  const names: Readonly<Record<string, string>> = {
    ALPHA: "\\p{Alpha}",
    alpha: "\\p{Alpha}",
    UPPER: "\\p{Upper}",
    upper: "\\p{Upper}",
    LOWER: "\\p{Lower}",
    lower: "\\p{Lower}",
    DIGIT: "\\d",
    digit: "\\d",
    SPACE: " ",
    space: " ",
    WHITESPACE: "\\s",
    whitespace: "\\s",
    ALNUM: "\\p{Alnum}",
    alnum: "\\p{Alnum}",
  };
  return names[name] ?? `[:${name}:]`;
}
