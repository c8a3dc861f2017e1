import { html, type Markup } from './markup.ts';

// Building blocks of the sections of a report.

/** Placeholder for a missing value. */
export const UNKNOWN = '–';

export type Pair = readonly [name: string, value: string];

export function section(title: string, content: Markup): Markup {
  return html`<section>
<h2>${title}</h2>
${content}
</section>`;
}

export function none(text: string): Markup {
  return html`<p class="none">${text}</p>`;
}

/** @param kind "amounts" where the last column holds numbers */
export function table(
  headings: readonly string[],
  rows: readonly Markup[],
  kind: 'amounts' | 'texts' = 'texts',
): Markup {
  const cells = headings.map((heading) => html`<th scope="col">${heading}</th>`);
  return html`<table class="${kind}">
<thead><tr>${cells}</tr></thead>
<tbody>
${rows}
</tbody>
</table>`;
}

/** Names and values, without a heading for each. */
export function pairs(caption: string, facts: readonly Pair[]): Markup {
  const rows = facts.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`);
  return html`<table><caption>${caption}</caption><tbody>
${rows}
</tbody></table>`;
}
