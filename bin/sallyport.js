#!/usr/bin/env node
/**
 * The installed command. Runs the built program where there is one, else the sources (Node strips their types).
 *
 * Written in plain old JavaScript on purpose: on a Node that is too old it must still run far enough to say so.
 */
var wanted = 24;
if (Number(process.versions.node.split('.')[0]) < wanted) {
  process.stderr.write(
    'error: Sallyport needs Node ' +
      wanted +
      ' or later; this is Node ' +
      process.versions.node +
      '.\n' +
      '       Install it from https://nodejs.org and run this again.\n',
  );
  process.exit(2);
}

import('./start.js')
  .then((start) => start.start())
  .catch((error) => {
    process.stderr.write('error: Sallyport could not be loaded. Install it again: npm install --global sallyport\n');
    if (process.env.SALLYPORT_DEBUG === '1') process.stderr.write(`${error?.stack}\n`);
    process.exit(2);
  });
