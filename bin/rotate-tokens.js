#!/usr/bin/env node
// Plain JavaScript that an old Node understands, too: it can then say what it needs.
const OLDEST_NODE = [20, 19];

const [major, minor] = process.versions.node.split('.').map(Number);
const isTooOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
const command = new URL('../dist/src/cli/main.js', import.meta.url);

if (isTooOld) {
  fail(`this is Node ${process.versions.node}, and Node ${OLDEST_NODE.join('.')} or later is needed.`);
} else {
  import(command.href).catch((error) => {
    // main.js describes its own errors; only its absence is left.
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    fail('it is not complete. Run `npm install`; in its own repository, `npm run build`.');
  });
}

function fail(reason) {
  process.stderr.write(`rotate-tokens: ${reason}\n`);
  process.exitCode = 2;
}
