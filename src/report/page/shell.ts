import { formatTime } from '../../text/format.ts';
import { html, type Markup, trusted } from './markup.ts';
import { STYLES } from './styles.ts';

/** What every report says of itself. */
interface Page {
  title: string;
  tool: { name: string; version: string };
  writtenAt: string;
}

/**
 * One page that needs nothing else: no network, no script, no other file. It reads well in light and dark, and on paper.
 *
 * @returns the text of an HTML file
 */
export function renderPage({ title, tool, writtenAt }: Page, sections: readonly Markup[]): string {
  const policy = html`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`;
  return shellAround(
    html`${sections}
<footer>
Written by ${tool.name} ${tool.version}, ${formatTime(writtenAt)}. All times are UTC.
This page holds no token, no password and no value of a row but keys.
</footer>`,
    { title, head: policy },
  );
}

/** What a page's head holds besides the styles of all pages. */
interface Head {
  title: string;
  head: Markup;
}

/** @returns the text of an HTML file with such a body */
export function shellAround(body: Markup, { title, head }: Head): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${trusted(STYLES)}</style>
${head}
</head>
<body>
${body}
</body>
</html>
`.markup;
}
