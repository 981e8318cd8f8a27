#!/usr/bin/env node
// Stands in for a native `solc` where forge looks for one: npm's soljson behind the two calls that
// forge makes, `--version` and `--standard-json` (input from a file or from stdin).

'use strict';
const fs = require('fs');
const path = require('path');

// Loading eight megabytes of compiler to answer `--version` would take seconds each time; that it
// is this version is looked at before it compiles. The end is that of a native build for Linux.
const VERSION = '0.8.30+commit.73712a01';
const packages = path.join(path.dirname(fs.realpathSync(__filename)), 'npm', 'node_modules');

const args = process.argv.slice(2);
if (args.includes('--version')) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${VERSION}.Linux.g++`);
} else if (args.includes('--standard-json')) {
  const file = args.find((arg) => arg.endsWith('.json'));
  writeAll(load().compile(fs.readFileSync(file || 0, 'utf8')));
} else {
  fail(`only --version and --standard-json are known, not: ${args.join(' ')}`);
}

function load() {
  const wrap = require(path.join(packages, 'solc', 'wrapper.js'));
  const compiler = wrap(require(path.join(packages, 'solc', 'soljson.js')));
  if (!compiler.version().startsWith(`${VERSION}.`)) fail(`npm has ${compiler.version()}`);
  return compiler;
}

// A pipe may take only a part of megabytes, or nothing for a moment.
function writeAll(text) {
  const bytes = Buffer.from(text);
  let written = 0;
  while (written < bytes.length) {
    try {
      written += fs.writeSync(1, bytes, written);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

function fail(message) {
  console.error(`solc.js: ${message}`);
  process.exit(2);
}
