// Which place in the author's sources a place in a bundle came from.

/** The segments of a source map, by line of the bundle: [[column, source, line, column], …], all from 0. */
function decode(mappings) {
  let [source, line, column] = [0, 0, 0];
  return mappings.split(';').map((text) => {
    let generated = 0;
    const segments = [];
    for (const part of text === '' ? [] : text.split(',')) {
      const [delta, sourceDelta, lineDelta, columnDelta] = decodeVlq(part);
      generated += delta;
      if (sourceDelta === undefined) continue;
      source += sourceDelta;
      line += lineDelta;
      column += columnDelta;
      segments.push([generated, source, line, column]);
    }
    return segments;
  });
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function decodeVlq(text) {
  const values = [];
  let [value, shift] = [0, 0];
  for (const character of text) {
    const digit = DIGITS.indexOf(character);
    value |= (digit & 31) << shift;
    shift += 5;
    if (digit < 32) {
      values.push(value & 1 ? -(value >>> 1) : value >>> 1);
      [value, shift] = [0, 0];
    }
  }
  return values;
}

/** The source line of each line of the bundle, as runs: [[source, …], [[first line, source, first line in it, lines], …]]. */
export function lineTable(map, own) {
  const sources = [];
  const runs = [];
  const indexOf = new Map();
  const names = map.sources.map(own);
  decode(map.mappings).forEach(([first], generated) => {
    const name = first === undefined ? null : names[first[1]];
    if (name === null) return;
    if (!indexOf.has(name)) indexOf.set(name, sources.push(name) - 1);
    const [at, index, original] = [generated + 1, indexOf.get(name), first[2] + 1];
    const last = runs.at(-1);
    if (last !== undefined && last[1] === index && last[0] + last[3] === at && last[2] + last[3] === original) last[3]++;
    else runs.push([at, index, original, 1]);
  });
  return [sources, runs];
}

/** The source of a place in the bundle, lines and columns from 1: {source, line, column}, or null. */
export function originalPlace(map, line, column) {
  const segments = decode(map.mappings)[line - 1] ?? [];
  const found = segments.findLast(([generated]) => generated <= column - 1) ?? segments[0];
  return found === undefined ? null : { source: map.sources[found[1]], line: found[2] + 1, column: found[3] + 1 };
}
