// Compiles with the same soljson.js under Node: the answer our engine must give, byte for byte.
//
// usage: node reference.js SOLJSON.JS INPUT OUTPUT
//
// No import callback is passed (0), as in our engine.

const fs = require('fs');
const path = require('path');

const [, , soljson, input, output] = process.argv;
const compiler = require(path.resolve(soljson));
const compile = compiler.cwrap('solidity_compile', 'string', ['string', 'number', 'number']);
fs.writeFileSync(output, compile(fs.readFileSync(input, 'utf8'), 0, 0));
