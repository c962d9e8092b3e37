/** URL functions: application/x-www-form-urlencoded as java.net.URLEncoder, and the parts of PARSE_URL. */

export function urlEncode(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replaceAll("%20", "+")
    .replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** NULL for a malformed escape. */
export function urlDecode(text: string): string | null {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return null;
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === "%") {
      bytes.push(Number.parseInt(text.slice(i + 1, i + 3), 16));
      i += 2;
    } else if (char === "+") bytes.push(0x20);
    else {
      const whole = String.fromCodePoint(text.codePointAt(i)!);
      bytes.push(...new TextEncoder().encode(whole));
      i += whole.length - 1;
    }
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/** As java.net.URL splits: scheme://[user@]host[:port][path][?query][#ref]; a text that is no URL has no parts. */
export function parseUrl(url: string, part: string, key: string | undefined): string | null {
  const match =
    /^([A-Za-z][A-Za-z0-9+.-]*):\/\/((?:([^@/?#]*)@)?([^:/?#]*)(?::\d+)?)([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(
      url,
    );
  if (match === null) return null;
  const [, protocol, authority, userInfo, host, path, query, ref] = match;
  if (key !== undefined) {
    if (part !== "QUERY" || query === undefined) return null;
    for (const pair of query.split("&")) {
      const at = pair.indexOf("=");
      if (at >= 0 && pair.slice(0, at) === key) return pair.slice(at + 1);
    }
    return null;
  }
  switch (part) {
    case "HOST":
      return host ?? null;
    case "PATH":
      return path ?? null;
    case "QUERY":
      return query ?? null;
    case "REF":
      return ref ?? null;
    case "PROTOCOL":
      return protocol ?? null;
    case "FILE":
      return query === undefined ? (path ?? null) : `${path}?${query}`;
    case "AUTHORITY":
      return authority ?? null;
    case "USERINFO":
      return userInfo ?? null;
    default:
      return null;
  }
}
