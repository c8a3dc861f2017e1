/**
 * Control characters (C0, DEL, C1), invisible ones and marks of direction (Cf), separators of lines and paragraphs, and
 * halves of characters.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * Makes text printable: nothing in it can move the cursor, begin another line, hide itself or turn the direction around.
 * All that comes from the database goes through here or `printableJson`: a key, a name or a checkpoint may be any text,
 * written by anybody.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escaped);
}

/**
 * The same for JSON, whose reader gets exactly the value back. Integers of any size become strings.
 *
 * @param indent columns per level; 0: everything on one line
 */
export function printableJson(value: unknown, indent = 0): string {
  const text = JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? each.toString() : each), indent);
  return text.split('\n').map(printable).join('\n'); // JSON itself escapes the line breaks of its strings
}

/** As JSON and JavaScript write it: one `\u` for each UTF-16 unit. */
function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
