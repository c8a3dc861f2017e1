/**
 * Text in which nothing can move the cursor, begin another line or turn the direction around: keys of rows are told,
 * and a key may be any text, written by anybody.
 */
export function printable(text: string): string {
  return text.replace(/\p{Cc}|[\u2028-\u202e\u2066-\u2069]/gu, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
