const ESC = String.fromCharCode(27);

/** Moves to the first column: the line is redrawn from there. */
const REDRAWN = new RegExp(`\\r|${ESC}\\[[01]?G`);

/** Other control sequences, such as colors and clearing. */
const CONTROL = new RegExp(`${ESC}\\[[\\d;?]*[A-Za-z]`, 'g');

/** @returns the lines that a terminal of so many columns shows after such output: of a redrawn line, its last state */
export function linesOnScreen(output: string, columns: number): string[] {
  const lines = output.replaceAll('\r\n', '\n').split('\n');
  const shown = lines.map(
    (line) =>
      line
        .split(REDRAWN)
        .map(withoutControls)
        .findLast((part) => part !== '') ?? '',
  );
  return (shown.at(-1) === '' ? shown.slice(0, -1) : shown).flatMap((line) => wrapped(line, columns));
}

function wrapped(line: string, columns: number): string[] {
  const rows = Math.max(1, Math.ceil(line.length / columns));
  return Array.from({ length: rows }, (_, row) => line.slice(row * columns, (row + 1) * columns));
}

function withoutControls(text: string): string {
  return text.replace(CONTROL, '');
}

const FONT_SIZE = 13;
/** Of a monospaced font: how wide a character is, and how far lines are apart. */
const CHARACTER_WIDTH = FONT_SIZE * 0.602;
const LINE_HEIGHT = 19;
const MARGIN = 16;

/** Draws lines as a terminal shows them, as SVG. The first one, the prompt, is its title. */
export function drawTerminal(lines: readonly string[]): string {
  const columns = Math.max(...lines.map(({ length }) => length));
  const width = Math.ceil(columns * CHARACTER_WIDTH + 2 * MARGIN);
  const height = lines.length * LINE_HEIGHT + 2 * MARGIN;
  const texts = lines.map(
    (line, index) => `  <text x="${MARGIN}" y="${MARGIN + FONT_SIZE + index * LINE_HEIGHT}">${escaped(line)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<title>${escaped(lines[0] ?? '')}</title>
<rect width="100%" height="100%" rx="6" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${FONT_SIZE}" fill="#e6edf3">
${texts.join('\n')}
</g>
</svg>
`;
}

/** Of several spaces in a row, SVG shows one only, unless they do not break. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll(' ', '\u00a0');
}
