/** Looks of a report: light, dark, and on paper. No font and no image comes from outside. */
export const STYLES = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --panel: #f6f7f9; --line: #dfe3e8; --ink: #1c2127; --muted: #5b6673;
  --blue: #1668c7; --violet: #8b3fd1; --orange: #c2590a; --green: #18794e; --red: #b3261e; --on-badge: #ffffff;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --panel: #1c2127; --line: #363d46; --ink: #e6e9ed; --muted: #a3adb8;
    --blue: #6cb0ff; --violet: #c89bff; --orange: #ffa657; --green: #5ccf8e; --red: #ff8f85; --on-badge: #14171b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2.5rem 1.5rem; max-width: 56rem;
  background: var(--ground); color: var(--ink);
  font: 0.9375rem/1.55 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
header { display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 1rem; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.25; overflow-wrap: anywhere; }
header p { flex-basis: 100%; margin: 0; color: var(--muted); }
h2 { margin: 2.25rem 0 0.75rem; font-size: 1.125rem; break-after: avoid; }
h3 { margin: 0; font-size: 1rem; }
.badge { padding: 0.125rem 0.75rem; border-radius: 1rem; background: var(--tone); color: var(--on-badge); font-weight: 600; }
.good { --tone: var(--green); } .note { --tone: var(--orange); } .bad { --tone: var(--red); }
.summary { padding: 1rem 1.25rem; border: 1px solid var(--line); border-left: 4px solid var(--tone); border-radius: 4px; background: var(--panel); }
.summary div { user-select: all; }
.summary p { margin: 0; overflow-wrap: anywhere; }
.summary p + p { margin-top: 0.5rem; }
.hint, .none, figcaption, footer { color: var(--muted); font-size: 0.8125rem; }
.hint { margin: 0.375rem 0 0; }
.none { margin: 0; font-size: inherit; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1.25rem 2.5rem; }
table { width: 100%; border-collapse: collapse; }
.facts table { align-self: start; }
th, td { padding: 0.375rem 0.75rem 0.375rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: anywhere; }
thead th { color: var(--muted); font-weight: 600; font-size: 0.8125rem; }
tbody th { font-weight: 400; color: var(--muted); white-space: nowrap; }
caption { padding-bottom: 0.25rem; text-align: left; font-weight: 600; }
tr { break-inside: avoid; }
.number { text-align: right; white-space: nowrap; padding-right: 0; width: 1%; padding-left: 1rem; }
thead th { white-space: nowrap; }
table.amounts thead th:last-child { text-align: right; padding-right: 0; }
.facts td { text-align: right; padding-right: 0; }
.row-key { width: 1%; white-space: nowrap; padding-right: 1.5rem; }
.words, td code { overflow-wrap: break-word; }
.level { white-space: nowrap; font-weight: 600; color: var(--tone); }
.advice { display: block; color: var(--muted); }
code { font: 0.875em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
figure { margin: 0 0 1.5rem; break-inside: avoid; }
figcaption { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline; }
figcaption h3 { color: var(--ink); }
figure svg { display: block; width: 100%; height: auto; margin-top: 0.25rem; }
.key { display: inline-flex; align-items: center; gap: 0.375rem; white-space: nowrap; }
.key::before { content: ""; width: 1.25rem; border-top: 2px solid var(--tone); }
.key.dashes::before { border-top-style: dashed; }
.key.triangle::before { width: 0; border: 5px solid transparent; border-top-width: 0; border-bottom: 9px solid var(--tone); }
.legend { display: flex; flex-wrap: wrap; gap: 0 1rem; flex-basis: 100%; }
footer { margin-top: 2.5rem; padding-top: 0.75rem; border-top: 1px solid var(--line); }
@media screen and (max-width: 40rem) {
  .row-key, thead th { white-space: normal; }
  section { overflow-x: auto; }
}
@page { margin: 15mm; }
@media print {
  body { padding: 0; max-width: none; font-size: 10pt; }
  .hint { display: none; }
  .badge { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
