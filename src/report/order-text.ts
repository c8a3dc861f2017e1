import type { Order } from '../checkpoint/orders.ts';
import type { Overrides } from '../config/overrides.ts';
import { optionName } from '../config/settings.ts';
import { formatCount, formatTime } from '../text/format.ts';

/** An order for people: `paused until 2026-11-27 14:05:10 UTC by ada@web-1: replica rebuild` */
export function describeOrder({ action, rotation, pausedUntil, overrides, givenBy, reason }: Order): string {
  const why = reason === null ? '' : `: ${reason}`;
  switch (action) {
    case 'pause':
      return `'${rotation}' is paused until ${pausedUntil === null ? 'resumed' : formatTime(pausedUntil)} by ${givenBy}${why}`;
    case 'resume':
      return `'${rotation}' was resumed by ${givenBy}${why}`;
    case 'set':
      return `'${rotation}' was set to ${describeOverrides(overrides)} by ${givenBy}${why}`;
  }
}

/** `--max-rows-per-second 5,000, --workers 4` */
export function describeOverrides(overrides: Overrides): string {
  return Object.entries(overrides)
    .map(([name, value]) => `${optionName(name)} ${typeof value === 'number' ? formatCount(value) : (value ?? 'none')}`)
    .join(', ');
}

/** The same with what to do about it. */
export function adviseOnOrder(order: Order): string {
  const text = describeOrder(order);
  return order.action === 'pause' ? `${text}. To end it earlier, run resume --name ${order.rotation}` : text;
}
