/**
 * What each built-in function does, in one sentence, with the names of its arguments: for completion, signature help and hover.
 *
 * Shape:  a line a function: NAME | arguments, those in brackets optional | sentence. A test proves that every function of the
 *         catalogue has its line, and that no line is of another.
 */
import { builtinFunction } from "./function-catalog.ts";

export interface FunctionDoc {
  readonly name: string;
  readonly arguments: string;
  readonly text: string;
}

const LINES = String.raw`
ABS | number | The absolute value.
ACOS | number | The arc cosine.
APPROX_COUNT_DISTINCT | value | About how many different values there are; here the exact number.
ARRAY_AGG | value | An array of the values of a group.
ARRAY_APPEND | array, element | The array with an element behind its last.
ARRAY_CONCAT | array, array... | The arrays as one.
ARRAY_CONTAINS | array, element | Whether the array holds the element.
ARRAY_DISTINCT | array | The array with each element once.
ARRAY_EXCEPT | array, array | The elements of the first array that are not in the second, each once.
ARRAY_INTERSECT | array, array | The elements that are in both arrays, each once.
ARRAY_JOIN | array, delimiter, [nullReplacement] | The elements as one text with a delimiter between them.
ARRAY_MAX | array | The greatest element.
ARRAY_MIN | array | The least element.
ARRAY_POSITION | array, element | Where the element stands first, from 1; 0 when it does not.
ARRAY_PREPEND | array, element | The array with an element before its first.
ARRAY_REMOVE | array, element | The array without an element.
ARRAY_REVERSE | array | The array from last to first.
ARRAY_SLICE | array, start, [end] | The elements from start to end, both included; negative positions count from the end.
ARRAY_SORT | array, [ascending], [nullsFirst] | The array in order.
ARRAY_UNION | array, array | The elements of both arrays, each once.
ASCII | string | The number of the first character.
ASIN | number | The arc sine.
ATAN | number | The arc tangent.
ATAN2 | y, x | The angle of a point.
AVG | [DISTINCT] number | The average.
BIN | integer | The integer in binary digits.
BITMAP_AND | bitmap, bitmap | The integers that are in both bitmaps.
BITMAP_ANDNOT | bitmap, bitmap | The integers of the first bitmap that are not in the second.
BITMAP_AND_AGG | bitmap | The integers that are in all bitmaps of the group.
BITMAP_AND_CARDINALITY_AGG | bitmap | How many integers are in all bitmaps of the group.
BITMAP_BUILD | array | A bitmap of an array of integers.
BITMAP_BUILD_AGG | integer | A bitmap of the integers of the group.
BITMAP_BUILD_CARDINALITY_AGG | integer | How many different integers the group has.
BITMAP_CARDINALITY | bitmap | How many integers a bitmap holds.
BITMAP_FROM_BYTES | bytes | The bitmap of its serialised form.
BITMAP_OR | bitmap, bitmap | The integers that are in either bitmap.
BITMAP_OR_AGG | bitmap | The integers that are in any bitmap of the group.
BITMAP_OR_CARDINALITY_AGG | bitmap | How many integers are in any bitmap of the group.
BITMAP_TO_ARRAY | bitmap | The integers of a bitmap as an array.
BITMAP_TO_BYTES | bitmap | The serialised form of a bitmap.
BITMAP_TO_STRING | bitmap | The integers of a bitmap as a text.
BITMAP_XOR | bitmap, bitmap | The integers that are in one bitmap alone.
BITMAP_XOR_AGG | bitmap | The integers that are in an odd number of bitmaps.
BITMAP_XOR_CARDINALITY_AGG | bitmap | How many integers are in an odd number of bitmaps.
BTRIM | string, [characters] | The text without blanks, or those characters, at both ends.
CARDINALITY | collection | How many elements an array or map has.
CAST | value AS type | The value as another type; fails where it cannot be one.
CBRT | number | The cube root.
CEIL | number | The least whole number that is not below; CEIL(time TO unit) rounds a time up.
CHAR_LENGTH | string | How many characters the text has.
CHR | integer | The character of a number.
COALESCE | value, value... | The first value that is not NULL.
COLLECT | [DISTINCT] value | A multiset of the values of a group.
CONCAT | string, string... | The texts as one; NULL when one is NULL.
CONCAT_WS | separator, string... | The texts that are not NULL as one, with a separator between.
CONVERT_TZ | timestamp, fromZone, toZone | The local time of one zone in another, as a text.
COS | number | The cosine.
COSH | number | The hyperbolic cosine.
COT | number | The cotangent.
COUNT | [DISTINCT] value or * | How many rows there are, or how many values are not NULL.
CUME_DIST |  | The share of rows of the window that are not behind this one.
CURRENT_DATABASE |  | The name of the current database.
CURRENT_DATE |  | Today in the session's time zone; in streaming, when each row is read.
CURRENT_ROW_TIMESTAMP |  | The time at which this row is processed.
CURRENT_TIME |  | The time of day in the session's time zone.
CURRENT_TIMESTAMP |  | Now, as TIMESTAMP_LTZ(3).
CURRENT_WATERMARK | rowtime | The watermark of a row's time attribute; NULL before the first one.
DATE_ADD | date, days | The date some days later.
DATE_FORMAT | timestamp, pattern | The time as a text: DATE_FORMAT(ts, 'yyyy-MM-dd HH:mm').
DAYOFMONTH | date | The day of the month, 1 to 31.
DAYOFWEEK | date | The day of the week: 1 is Sunday.
DAYOFYEAR | date | The day of the year, 1 to 366.
DECODE | bytes, charset | The text of bytes.
DEGREES | radians | The angle in degrees.
DENSE_RANK |  | The rank of the row in its window, without gaps.
E |  | Euler's number.
ELEMENT | array | The only element of an array; NULL when it is empty.
ELT | index, expression, expression... | The expression with that number, from 1.
ENCODE | string, charset | The bytes of a text.
ENDSWITH | expression, end | Whether it ends with that.
EXP | number | e to that power.
EXTRACT | unit FROM time | A part of a time: EXTRACT(HOUR FROM ts).
FIRST_VALUE | value | The first value of the group, in the order of arrival or of the window.
FLOOR | number | The greatest whole number that is not above; FLOOR(time TO unit) rounds a time down.
FROM_BASE64 | string | The text that was encoded.
FROM_UNIXTIME | seconds, [pattern] | Seconds since 1970 as a text in the session's time zone.
GREATEST | value, value... | The greatest of the values; NULL when one is NULL.
HASH_CODE | value | A number that is the same for the same value.
HEX | value | The number or text in hexadecimal digits.
HOUR | timestamp | The hour, 0 to 23.
IF | condition, then, else | One value when the condition holds, else the other.
IFNULL | value, replacement | The value, or the replacement when it is NULL.
INET_ATON | address | The number of an IPv4 address.
INET_NTOA | number | The IPv4 address of a number.
INITCAP | string | The text with each word's first letter in upper case.
INSTR | string, part | Where the part stands first, from 1; 0 when it does not.
IS_ALPHA | string | Whether all characters are letters.
IS_DECIMAL | string | Whether the text is a number.
IS_DIGIT | string | Whether all characters are digits.
IS_JSON | string | Whether the text is JSON.
IS_VALID_UTF8 | bytes | Whether the bytes are a text in UTF-8.
JSON | string | A text of JSON as it is, within JSON_OBJECT and JSON_ARRAY.
JSON_ARRAY | value... | A JSON array as a text.
JSON_ARRAYAGG | value | A JSON array of the values of a group.
JSON_EXISTS | json, path | Whether the path leads to something: JSON_EXISTS(s, '$.a').
JSON_OBJECT | KEY key VALUE value... | A JSON object as a text.
JSON_OBJECTAGG | KEY key VALUE value | A JSON object of the keys and values of a group.
JSON_QUERY | json, path | The part of a JSON text at a path, as JSON.
JSON_QUOTE | string | The text as a JSON string.
JSON_STRING | value | Any value as JSON.
JSON_UNQUOTE | string | The text of a JSON string.
JSON_VALUE | json, path [RETURNING type] | The scalar at a path of a JSON text.
KEYVALUE | string, pairDelimiter, keyDelimiter, key | The value of a key in a text such as 'a=1;b=2'.
LAG | value, [offset], [default] | The value some rows before in the window.
LAST_VALUE | value | The last value of the group, in the order of arrival or of the window.
LEAD | value, [offset], [default] | The value some rows later in the window.
LEAST | value, value... | The least of the values; NULL when one is NULL.
LEFT | string, length | The first characters.
LISTAGG | value, [separator] | The texts of a group as one, with a separator between: a comma by default.
LN | number | The natural logarithm.
LOCALTIME |  | The time of day in the session's time zone.
LOCALTIMESTAMP |  | Now in the session's time zone, as TIMESTAMP(3).
LOCATE | part, string, [from] | Where the part stands first, from 1; 0 when it does not.
LOG | [base], number | The logarithm, natural without a base.
LOG10 | number | The logarithm to base 10.
LOG2 | number | The logarithm to base 2.
LOWER | string | The text in lower case.
LPAD | string, length, pad | The text filled up on its left to a length.
LTRIM | string, [characters] | The text without blanks at its start.
MAKE_VALID_UTF8 | bytes | The bytes as a text, what is no UTF-8 replaced.
MAP_ENTRIES | map | The entries of a map as an array of rows.
MAP_FROM_ARRAYS | keys, values | A map of two arrays.
MAP_KEYS | map | The keys of a map.
MAP_UNION | map, map... | The maps as one; later keys win.
MAP_VALUES | map | The values of a map.
MAX | value | The greatest value.
MD5 | string | The MD5 hash in hexadecimal digits.
MIN | value | The least value.
MINUTE | timestamp | The minute, 0 to 59.
MOD | number, divisor | The remainder.
MONTH | date | The month, 1 to 12.
NOW |  | Now, as TIMESTAMP_LTZ(3).
NTH_VALUE | value, n | The n-th value of the window.
NTILE | buckets | The number of the row's share when the window is cut into equal ones.
NULLIF | value, other | NULL when both are equal, else the value.
OBJECT_OF | className, name, value... | A structured value of a class.
OBJECT_UPDATE | object, name, value... | The structured value with other values in some fields.
OCTET_LENGTH | value | How many bytes it has.
OVERLAY | string PLACING text FROM start [FOR length] | The text with a part replaced.
PARSE_JSON | string | The JSON text as a VARIANT; fails where it is none.
PARSE_URL | url, part, [key] | A part of a URL: HOST, PATH, QUERY, REF, PROTOCOL, AUTHORITY, FILE or USERINFO.
PERCENTILE | value, percentage, [frequency] | The value below which that share of the group lies.
PERCENT_RANK |  | The rank of the row in its window, from 0 to 1.
PI |  | The number π.
POSITION | part IN string | Where the part stands first, from 1; 0 when it does not.
POWER | base, exponent | The base to that power.
PRINTF | format, value... | The values written into a format.
PROCTIME |  | The processing time, as a time attribute: ts AS PROCTIME() in CREATE TABLE.
QUARTER | date | The quarter, 1 to 4.
RADIANS | degrees | The angle in radians.
RAND | [seed] | A random number from 0 to 1.
RAND_INTEGER | [seed], bound | A random whole number from 0 to below the bound.
RANK |  | The rank of the row in its window, with gaps behind equals.
REGEXP | string, pattern | Whether the regular expression matches.
REGEXP_COUNT | string, pattern | How often the regular expression matches.
REGEXP_EXTRACT | string, pattern, [group] | What the regular expression matches, or a group of it.
REGEXP_EXTRACT_ALL | string, pattern, [group] | All that the regular expression matches, as an array.
REGEXP_INSTR | string, pattern | Where the regular expression matches first, from 1.
REGEXP_REPLACE | string, pattern, replacement | The text with all that matches replaced.
REGEXP_SUBSTR | string, pattern | What the regular expression matches first.
REPEAT | string, count | The text several times.
REPLACE | string, search, replacement | The text with all occurrences replaced.
REVERSE | string | The text from its end to its start.
RIGHT | string, length | The last characters.
ROUND | number, [digits] | The number rounded.
ROW_NUMBER |  | The number of the row in its window, from 1.
RPAD | string, length, pad | The text filled up on its right to a length.
RTRIM | string, [characters] | The text without blanks at its end.
SECOND | timestamp | The second, 0 to 59.
SHA1 | string | The SHA-1 hash in hexadecimal digits.
SHA2 | string, bits | The SHA-2 hash of 224, 256, 384 or 512 bits.
SHA224 | string | The SHA-224 hash in hexadecimal digits.
SHA256 | string | The SHA-256 hash in hexadecimal digits.
SHA384 | string | The SHA-384 hash in hexadecimal digits.
SHA512 | string | The SHA-512 hash in hexadecimal digits.
SIGN | number | -1, 0 or 1.
SIN | number | The sine.
SINGLE_VALUE | value | The only value of a group; fails when there are several.
SINH | number | The hyperbolic sine.
SOURCE_WATERMARK |  | Watermarks come from the source: WATERMARK FOR ts AS SOURCE_WATERMARK().
SPLIT | string, delimiter | The parts of a text as an array.
SPLIT_INDEX | string, delimiter, index | One part of a text, from 0.
SQRT | number | The square root.
STARTSWITH | expression, start | Whether it begins with that.
STDDEV | [DISTINCT] number | The standard deviation of a sample.
STDDEV_POP | [DISTINCT] number | The standard deviation of all values.
STDDEV_SAMP | [DISTINCT] number | The standard deviation of a sample.
STR_TO_MAP | string, [pairDelimiter], [keyDelimiter] | A map of a text such as 'a=1,b=2'.
SUBSTR | string, start, [length] | A part of the text, from 1.
SUBSTRING | string, start, [length] | A part of the text, from 1.
SUM | [DISTINCT] number | The sum; NULL when there is no value.
SUM0 | [DISTINCT] number | The sum; 0 when there is no value.
TAN | number | The tangent.
TANH | number | The hyperbolic tangent.
TIMESTAMPADD | unit, count, time | The time some units later.
TIMESTAMPDIFF | unit, from, to | How many whole units lie between two times.
TO_BASE64 | string | The text encoded in base 64.
TO_DATE | string, [pattern] | The date that a text says.
TO_TIMESTAMP | string, [pattern] | The TIMESTAMP(3) that a text says.
TO_TIMESTAMP_LTZ | epoch, precision | The TIMESTAMP_LTZ of seconds (0) or milliseconds (3) since 1970.
TRANSLATE | string, from, to | The text with characters replaced one by one.
TRIM | [BOTH \| LEADING \| TRAILING] [characters FROM] string | The text without blanks at its ends.
TRUNCATE | number, [digits] | The number cut to some digits.
TRY_CAST | value AS type | The value as another type; NULL where it cannot be one.
TRY_PARSE_JSON | string | The JSON text as a VARIANT; NULL where it is none.
TYPEOF | value, [force] | The name of a type.
UNHEX | string | The bytes of hexadecimal digits.
UNIX_TIMESTAMP | [string], [pattern] | Seconds since 1970, of now or of a text in the session's time zone.
UPPER | string | The text in upper case.
URL_DECODE | string | The text of a URL's part.
URL_DECODE_RECURSIVE | string, [depth] | The text of a URL's part that was encoded several times.
URL_ENCODE | string | The text as a URL's part.
UUID |  | A random UUID.
VARIANCE | [DISTINCT] number | The variance of a sample.
VAR_POP | [DISTINCT] number | The variance of all values.
VAR_SAMP | [DISTINCT] number | The variance of a sample.
WEEK | date | The week of the year.
YEAR | date | The year.
`;

/** Written like functions, but of the grammar. */
export const SPECIAL_FORMS: readonly string[] = ["CAST", "TRY_CAST", "JSON_QUERY", "JSON_VALUE"];

let docs: ReadonlyMap<string, FunctionDoc> | undefined;

/** By any name of the function; undefined: it is none that is built in. */
export function functionDoc(name: string): FunctionDoc | undefined {
  docs ??= read();
  const upper = name.toUpperCase();
  const canonical = builtinFunction(upper)?.name ?? upper;
  return docs.get(canonical) ?? docs.get(upper);
}

/** Those that have a line. */
export function documentedFunctions(): readonly string[] {
  docs ??= read();
  return [...docs.keys()];
}

function read(): ReadonlyMap<string, FunctionDoc> {
  const lines = LINES.trim().split("\n");
  return new Map(
    lines.map((each) => {
      const [name, args, text] = each.split(/\s\|\s/).map((part) => part.replaceAll("\\|", "|"));
      return [name!, { name: name!, arguments: args!.trim(), text: text! }];
    }),
  );
}
