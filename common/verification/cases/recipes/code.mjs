// Work on code in hexadecimal digits. Offsets and lengths are bytes.

export const side = (status, transformations = [], values = {}) => ({ status, transformations, values });
export const failure = (code) => ({ failure: code });

export const length = (code) => code.length / 2;
export const slice = (code, start, size) => code.slice(2 * start, 2 * (start + size));

export function put(code, start, bytes) {
  return code.slice(0, 2 * start) + bytes + code.slice(2 * start + bytes.length);
}

// Every place of these bytes.
export function places(code, bytes) {
  const found = [];
  for (let at = code.indexOf(bytes); at >= 0; at = code.indexOf(bytes, at + 1)) {
    if (at % 2 === 0) found.push(at / 2);
  }
  return found;
}

// The blob at the end of solc's code, with its two length bytes.
export function lastBlob(code) {
  const size = parseInt(code.slice(-4), 16) + 2;
  return { offset: length(code) - size, value: slice(code, length(code) - size, size) };
}

export const replaceBlob = (offset, id, replaced) => ({
  type: "replace", reason: "cborAuxdata", offset, id, ...(replaced ? { length: replaced } : {}),
});
export const insertArguments = (code) => ({ type: "insert", reason: "constructorArguments", offset: length(code) });

export const word = (digits) => digits.padStart(64, "0");
export const address = (digit) => digit.repeat(40);
