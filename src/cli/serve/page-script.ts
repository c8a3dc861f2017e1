/** What the page of `status --serve` runs in the browser. It shows all that comes from the database as text, never as HTML. */
export const SCRIPT = `
'use strict';
const SECONDS_SHOWN = 300;
const token = location.hash.slice(1);
const rates = new Map(); // by rotation: rows per second, one for each second
const reasons = new Map(); // what somebody is typing must survive the next second

const make = (name, attributes, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};
const svg = (name, attributes, ...children) => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};
const count = (number) => Math.round(number).toLocaleString('en');
const time = (iso) => iso.slice(0, 19).replace('T', ' ');
const duration = (seconds) => {
  if (seconds < 90) return Math.round(seconds) + ' s';
  return seconds < 5400 ? Math.round(seconds / 60) + ' min' : (seconds / 3600).toFixed(1) + ' h';
};
const since = (status, iso) => duration(Math.max(0, (Date.parse(status.seenAt) - Date.parse(iso)) / 1000));
const optionOf = (name) => '--' + name.replace(/[A-Z]/g, (letter) => '-' + letter.toLowerCase());
const TONES = { running: 'good', complete: 'good', paused: 'note', planning: 'note', stopped: 'bad' };

function show(status) {
  const { rotation, target, state, rowsDone, rowsTotal, totalIsEstimate } = status;
  const total = Math.max(rowsTotal, rowsDone);
  const share = total === 0 ? (state === 'complete' ? 1 : 0) : rowsDone / total;
  const rate = status.processes.reduce((sum, each) => sum + each.rowsPerSecond, 0);
  const left = rate > 0 && state === 'running' ? duration((total - rowsDone) / rate) : '–';
  const proof = status.verifiedAt ? 'verified ' + time(status.verifiedAt) : state === 'complete' ? 'complete, not verified' : '';
  return make('section', { class: state },
    make('h2', {}, rotation, make('span', { class: 'badge ' + TONES[state] }, state), proof && make('small', {}, proof)),
    make('p', { class: 'none' }, 'of ', make('code', {}, target.length > 300 ? target.slice(0, 300) + '…' : target)),
    make('div', { class: 'bar', role: 'progressbar', 'aria-valuenow': String(Math.floor(share * 100)) }, filled(share)),
    make('p', { class: 'numbers' },
      fact(Math.floor(share * 100) + ' %', ''),
      fact(count(rowsDone), ' of ' + (totalIsEstimate ? 'about ' : '') + count(total) + ' rows'),
      fact(count(rate), ' rows/s'), fact(left, ' left')),
    plot(rotation),
    ...held(status), ...processes(status), ...settings(status), ...history(status), ...buttons(status));
}
const filled = (share) => {
  const inner = make('div', {});
  inner.style.width = share * 100 + '%';
  return inner;
};
const fact = (number, unit) => make('span', {}, make('b', {}, number), unit);

function plot(rotation) {
  const values = rates.get(rotation) ?? [];
  const peak = Math.max(0, ...values);
  const most = Math.max(1, peak);
  const first = SECONDS_SHOWN - values.length;
  const points = values.map((value, index) => (first + index) + ' ' + (100 - (95 * value) / most).toFixed(1));
  const chart = svg('svg', { class: 'rate', viewBox: '0 0 ' + SECONDS_SHOWN + ' 100', preserveAspectRatio: 'none', role: 'img' },
    svg('line', { x1: 0, x2: SECONDS_SHOWN, y1: 100, y2: 100 }));
  if (points.length > 1) chart.append(svg('path', { d: 'M' + points.join('L') }));
  return make('figure', {}, chart,
    make('figcaption', {}, 'Rows per second of all processes, the last five minutes; ' + count(peak) + ' at most'));
}

function held(status) {
  const by = new Map(status.processes.filter((each) => each.heldBackBy).map((each) => [each.heldBackDetail, each.heldBackSince]));
  const lines = [...by].map(([detail, start]) => make('p', { class: 'held' }, 'Held back for ' + since(status, start) + ': ' + detail));
  if (lines.length === 0 && status.pausedUntil) lines.push(make('p', { class: 'held' }, 'Paused until ' + time(status.pausedUntil)));
  return lines;
}

function processes(status) {
  if (status.processes.length === 0) return [];
  const rows = status.processes.map((each) => make('tr', {},
    make('td', {}, each.host + ', pid ' + each.pid), make('td', {}, String(each.workers)),
    make('td', {}, count(each.rowsPerSecond)), make('td', {}, each.heldBackDetail ?? '')));
  return [make('h3', {}, 'Processes'), table(['Process', 'Workers', 'Rows/s', 'Held back'], rows)];
}

const settingsIn = ({ overrides }) =>
  Object.entries(overrides).map(([name, value]) => optionOf(name) + ' ' + (value ?? 'none')).join(' ');

function settings(status) {
  const changed = settingsIn(status);
  return changed === '' ? [] : [make('p', {}, 'Settings changed by set: ', make('code', {}, changed))];
}

function history(status) {
  const entries = [
    ...status.runs.map((run) => [run.startedAt, run.host + ', pid ' + run.pid + ', as ' + run.role + ': '
      + (run.outcome ?? (status.processes.some(({ id }) => id === run.id) ? 'runs' : 'ended without a word'))
      + ', ' + count(run.rowsRotated) + ' rows']),
    ...status.orders.map((order) => [order.givenAt, [order.action, settingsIn(order)].filter(Boolean).join(' ')
      + ' by ' + order.givenBy + (order.reason ? ': ' + order.reason : '')]),
  ].sort((a, b) => (a[0] < b[0] ? 1 : -1)).slice(0, 20);
  const rows = entries.map(([at, text]) => make('tr', {}, make('td', { class: 'row-key' }, time(at)), make('td', {}, text)));
  return rows.length === 0 ? [] : [make('h3', {}, 'History'), table(['Time', 'What'], rows)];
}

function table(headings, rows) {
  const heads = headings.map((heading) => make('th', { scope: 'col' }, heading));
  return make('div', { class: 'wide' },
    make('table', {}, make('thead', {}, make('tr', {}, ...heads)), make('tbody', {}, ...rows)));
}

function buttons(status) {
  if (token === '' || status.verifiedAt) return [];
  const { rotation } = status;
  const isPaused = status.pausedUntil !== null;
  const reason = make('input', { name: rotation, placeholder: 'Why (for everybody to see)', 'aria-label': 'Why', maxlength: '200' });
  reason.value = reasons.get(rotation) ?? '';
  reason.addEventListener('input', () => reasons.set(rotation, reason.value));
  const form = make('form', {}, reason, make('button', {}, isPaused ? 'Resume' : 'Pause for 30 minutes'));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send(isPaused ? 'resume' : 'pause', rotation, reason.value);
  });
  return [form];
}

async function send(action, rotation, reason) {
  const response = await fetch(action, {
    method: 'POST', headers: { authorization: 'Bearer ' + token }, body: new URLSearchParams({ rotation, reason }) });
  if (response.ok) reasons.delete(rotation);
  else say(await response.text());
  await refresh();
}

function say(text) {
  const trouble = document.getElementById('trouble');
  trouble.hidden = text === '';
  trouble.textContent = text;
}

async function refresh() {
  const response = await fetch('status.json').catch(() => undefined);
  if (response === undefined) return say('The command status --serve does not answer. What is below is old.');
  if (!response.ok) return say(await response.text() + ' What is below is old.');
  say('');
  const statuses = await response.json();
  for (const status of statuses) {
    const rate = status.processes.reduce((sum, each) => sum + each.rowsPerSecond, 0);
    rates.set(status.rotation, [...(rates.get(status.rotation) ?? []), rate].slice(-SECONDS_SHOWN));
  }
  const { activeElement: typing } = document;
  const place = document.getElementById('rotations');
  place.replaceChildren(...(statuses.length > 0 ? statuses.map(show) : [make('p', { class: 'none' }, 'No rotation is recorded yet.')]));
  const again = [...document.querySelectorAll('input')].find(({ name }) => name === typing?.name);
  again?.focus();
  again?.setSelectionRange(typing.selectionStart, typing.selectionEnd);
}

void refresh();
setInterval(refresh, 1000);
`;
