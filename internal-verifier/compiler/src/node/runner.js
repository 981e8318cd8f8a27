// Runs a release of solc that is asm.js, from 0.1.3 to 0.6.1: standard JSON on stdin, standard JSON on stdout.
//
// usage: node -e <this> SOLJSON.JS           compiles
//        node -e <this> SOLJSON.JS version   asks the compiler who it is
//
// Releases before 0.4.11 have no standard JSON. For them the input is translated to what they take (sources and
// whether to optimise), and of their answer only what a verification reads is handed on: their syntax trees nest
// deeper than most readers allow. Whatever the compiler itself prints goes to stderr, and no import callback is given.

'use strict';

const fs = require('fs');
const path = require('path');
const vm = require('vm');

const CODE_OUTPUTS = { bytecode: ['bytecode', 'srcmap'], runtime: ['runtimeBytecode', 'srcmapRuntime', 'srcmap-runtime'] };

function load(file) {
  const words = (text) => process.stderr.write(`${text}\n`);
  const module = { exports: {} };
  // Old releases take what they need from a variable of this name; none of them may write to stdout.
  const Module = { print: words, printErr: words };
  const wrapper = `(function (Module, exports, require, module, __filename, __dirname) {${fs.readFileSync(file, 'utf8')}\n})`;
  const run = new vm.Script(wrapper, { filename: file }).runInThisContext();
  run(Module, module.exports, require, module, file, path.dirname(file));
  return module.exports;
}

function first(compiler, names) {
  return names.find((name) => typeof compiler[`_${name}`] === 'function');
}

function version(compiler) {
  return compiler.cwrap(first(compiler, ['solidity_version', 'version']), 'string', [])();
}

// Not as a string: that would be copied to the compiler's stack, which a large input overflows.
function call(compiler, name, text, ...rest) {
  const bytes = Buffer.from(`${text}\0`, 'utf8');
  const place = compiler._malloc(bytes.length);
  if (place === 0) throw new Error('std::bad_alloc');
  // Asked for only now: growing memory replaces it.
  compiler.HEAPU8.set(bytes, place);
  const types = ['number', ...rest.map(() => 'number')];
  return compiler.cwrap(name, 'string', types)(place, ...rest);
}

function compile(compiler, text) {
  const name = first(compiler, ['solidity_compile', 'compileStandard']);
  return name === undefined ? compileOld(compiler, text) : call(compiler, name, text, 0, 0);
}

function compileOld(compiler, text) {
  let input;
  try {
    input = JSON.parse(text);
  } catch (error) {
    return JSON.stringify({ errors: [problem(`Error parsing input JSON: ${error.message}`, 'JSONError')] });
  }
  const wrong = refusal(compiler, input);
  if (wrong !== undefined) return JSON.stringify({ errors: [problem(wrong, 'JSONError')] });
  const sources = Object.entries(input.sources).map(([name, source]) => [name, source.content]);
  const optimize = input.settings?.optimizer?.enabled === true ? 1 : 0;
  const several = first(compiler, ['compileJSONMulti']);
  const answer = several === undefined
    ? call(compiler, 'compileJSON', sources[0][1], optimize)
    : call(compiler, several, JSON.stringify({ sources: Object.fromEntries(sources) }), optimize);
  return JSON.stringify(translate(JSON.parse(answer), input));
}

function refusal(compiler, input) {
  if (input === null || typeof input !== 'object' || Array.isArray(input)) return 'Input is not a JSON object.';
  if (input.language !== 'Solidity') return 'Only "Solidity" is supported as a language.';
  const sources = Object.entries(input.sources ?? {});
  if (sources.length === 0) return 'No input sources specified.';
  const urls = sources.find(([, source]) => typeof source?.content !== 'string');
  if (urls !== undefined) return `Source "${urls[0]}" has no content: no import callback supplied.`;
  if (first(compiler, ['compileJSONMulti']) === undefined && sources.length > 1) {
    return `Compiler ${version(compiler)} takes one source only.`;
  }
  return undefined;
}

function translate(answer, input) {
  const output = {};
  const words = [...(answer.errors ?? []), ...(answer.error === undefined ? [] : [answer.error])];
  if (words.length > 0) output.errors = words.map((text) => problem(text));
  output.sources = sourceIds(answer.sourceList, input.sources);
  const contracts = Object.create(null);
  for (const [key, contract] of Object.entries(answer.contracts ?? {})) {
    for (const [file, name] of placesOf(key, input)) {
      const names = (contracts[file] ??= Object.create(null));
      names[name] = translateContract(contract);
    }
  }
  output.contracts = contracts;
  return output;
}

// Until 0.4.8 the name stands alone, and nothing says in which file the contract is: it is in the one for which it
// was asked, else in the first.
function placesOf(key, input) {
  const colon = key.lastIndexOf(':');
  if (colon > 0) return [[key.slice(0, colon), key.slice(colon + 1)]];
  const name = key.slice(colon + 1);
  const selection = Object.entries(input.settings?.outputSelection ?? {});
  const files = selection.filter(([file, names]) => file !== '*' && Object.hasOwn(names ?? {}, name)).map(([file]) => file);
  return (files.length > 0 ? files : [Object.keys(input.sources)[0]]).map((file) => [file, name]);
}

function translateContract(contract) {
  const code = ([object, ...maps]) => {
    const map = maps.find((name) => typeof contract[name] === 'string');
    return { object: contract[object] ?? '', ...(map === undefined ? {} : { sourceMap: contract[map] }) };
  };
  const evm = { bytecode: code(CODE_OUTPUTS.bytecode), deployedBytecode: code(CODE_OUTPUTS.runtime) };
  if (contract.assembly !== null && typeof contract.assembly === 'object') evm.legacyAssembly = contract.assembly;
  const translated = { abi: JSON.parse(contract.interface), evm };
  if (typeof contract.metadata === 'string') translated.metadata = contract.metadata;
  return translated;
}

// The compiler's list may hold its own files too.
function sourceIds(list, sources) {
  if (!Array.isArray(list)) return {};
  const ids = list.map((name, id) => [name, { id }]);
  return Object.fromEntries(ids.filter(([name]) => Object.hasOwn(sources, name)));
}

function problem(text, type) {
  const said = /:\d+:\d+: ([A-Za-z ]+): /.exec(text)?.[1];
  const severity = said === 'Warning' ? 'warning' : 'error';
  const kind = type ?? (said === undefined ? 'Error' : said.replaceAll(' ', ''));
  const message = text.split('\n')[0];
  return { component: 'general', formattedMessage: text, message, severity, type: kind };
}

function write(text) {
  let rest = Buffer.from(text, 'utf8');
  while (rest.length > 0) rest = rest.subarray(fs.writeSync(1, rest));
}

function main([, file, what]) {
  const text = what === 'version' ? undefined : fs.readFileSync(0, 'utf8');
  const compiler = load(file);
  const answer = text === undefined ? version(compiler) : compile(compiler, text);
  if (answer === '') throw new Error('the compiler gave no answer');
  write(answer);
}

try {
  main(process.argv);
  process.exit(0);
} catch (error) {
  // What the compiler throws may be no Error: C++ exceptions are numbers here.
  process.stderr.write(`${error instanceof Error ? error.message : `uncaught exception ${error}`}\n`);
  process.exit(1);
}
