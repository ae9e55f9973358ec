// Which line of the author's sources each line of a bundle came from.

/** The source line of each line of the bundle, as runs: [[source, …], [[first line, source, first line in it, lines], …]]. */
export function lineTable(map, own) {
  const sources = [];
  const runs = [];
  let [source, line] = [0, 0];
  const indexOf = new Map();
  map.mappings.split(';').forEach((segments, generated) => {
    let first = null;
    for (const segment of segments === '' ? [] : segments.split(',')) {
      const [, sourceDelta, lineDelta] = decodeVlq(segment);
      if (sourceDelta === undefined) continue;
      source += sourceDelta;
      line += lineDelta;
      first ??= [source, line];
    }
    if (first === null) return;
    const name = own(map.sources[first[0]]);
    if (name === null) return;
    if (!indexOf.has(name)) indexOf.set(name, sources.push(name) - 1);
    const [at, index, original] = [generated + 1, indexOf.get(name), first[1] + 1];
    const last = runs.at(-1);
    if (last !== undefined && last[1] === index && last[0] + last[3] === at && last[2] + last[3] === original) last[3]++;
    else runs.push([at, index, original, 1]);
  });
  return [sources, runs];
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
