/** Numbers and times look the same wherever they are printed: on the terminal, in a log, in a report. */
export { formatClock, formatCount, formatDuration, formatPercent, formatTime, formatTotal } from '../../src/format.ts';
