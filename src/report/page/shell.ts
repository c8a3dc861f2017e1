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
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${trusted(STYLES)}</style>
</head>
<body>
${sections}
<footer>
Written by ${tool.name} ${tool.version}, ${formatTime(new Date(writtenAt))}. All times are UTC.
This page holds no token, no password and no value of a row but keys.
</footer>
</body>
</html>
`.markup;
}
