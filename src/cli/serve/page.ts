import { html, trusted } from '../../report/page/markup.ts';
import { shellAround } from '../../report/page/shell.ts';
import { SCRIPT } from './page-script.ts';

/**
 * The page of `status --serve`: it asks this process for the status every second, and needs nothing from elsewhere.
 *
 * @param label the database as it may be shown
 * @param nonce of the response's Content-Security-Policy
 */
export function pageWith(label: string, nonce: string): string {
  return shellAround(
    html`<header><h1>Rotations</h1><p>in <code>${label}</code>. All times are UTC.</p></header>
<p id="trouble" class="summary bad" hidden></p>
<main id="rotations"><p class="none">Reading the status …</p></main>
<script nonce="${nonce}">${trusted(SCRIPT)}</script>`,
    { title: `Rotations in ${label}`, head: html`<style>${trusted(OWN_STYLES)}</style>` },
  );
}

const OWN_STYLES = `
h2 { display: flex; flex-wrap: wrap; gap: 0.25rem 0.75rem; align-items: center; overflow-wrap: anywhere; }
h2 .badge { font-size: 0.8125rem; }
.bar { height: 1.25rem; border-radius: 4px; background: var(--panel); border: 1px solid var(--line); overflow: hidden; }
.bar div { height: 100%; background: var(--blue); transition: width 1s linear; }
.paused .bar div { background: var(--orange); }
.complete .bar div { background: var(--green); }
.numbers { display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; margin: 0.5rem 0 0; }
.numbers b { font-size: 1.25rem; font-weight: 600; }
.rate { display: block; width: 100%; height: 7rem; margin-top: 0.75rem; }
.rate path { fill: none; stroke: var(--blue); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.rate line { stroke: var(--line); vector-effect: non-scaling-stroke; }
h3 { margin-top: 1.25rem; }
.held { color: var(--orange); font-weight: 600; }
.wide { overflow-x: auto; }
button {
  font: inherit; padding: 0.375rem 1rem; border-radius: 4px; border: 1px solid var(--line);
  background: var(--panel); color: var(--ink); cursor: pointer;
}
button:hover { border-color: var(--blue); }
input { font: inherit; padding: 0.375rem 0.625rem; border-radius: 4px; border: 1px solid var(--line); background: var(--ground); color: var(--ink); min-width: 0; flex: 1 1 12rem; }
form { display: flex; flex-wrap: wrap; gap: 0.5rem; margin-top: 0.75rem; }
`;
