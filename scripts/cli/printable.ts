export { printable, printableJson } from '../../src/printable.ts';
