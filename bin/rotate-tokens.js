#!/usr/bin/env node
// The command where this package is installed in another project, whose rotate-tokens.config.ts is TypeScript.
import { register } from 'tsx/esm/api';

register();
await import('../dist/scripts/rotate-tokens.js');
