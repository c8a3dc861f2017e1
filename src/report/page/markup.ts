import { printable } from '../../text/printable.ts';

/** A piece of HTML, as opposed to text that may contain anything. */
export interface Markup {
  readonly markup: string;
}

/** Content of a template: text and numbers are escaped, markup is not, lists are joined. */
type Part = string | number | Markup | readonly Markup[];

/** A template of HTML: whatever is put into it is text, and looks like it does as text, unless it is markup itself. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Markup {
  return trusted(strings.map((literal, index) => `${literal}${markupOf(parts[index] ?? '')}`).join(''));
}

export const NOTHING: Markup = { markup: '' };

/** Only for what this package, or a library of it, has made out of numbers. */
export function trusted(markup: string): Markup {
  return { markup };
}

function markupOf(part: Part): string {
  if (typeof part === 'string') return escapeHtml(part);
  if (typeof part === 'number') return String(part);
  return 'markup' in part ? part.markup : part.map(({ markup }) => markup).join('\n');
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escapeHtml(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
