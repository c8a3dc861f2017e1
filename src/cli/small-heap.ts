import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8's space for new objects at the size that it begins with. Loading the modules lets it grow, to up to 32 MB that
 * stay with the process; a rotation needs none of it.
 */
setFlagsFromString('--semi-space-growth-factor=1');
