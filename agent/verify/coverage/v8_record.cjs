// Notes which ranges of characters each test executes, by V8's own precise coverage.
// Counters are taken and reset as a test begins and ends, so one process measures all of its tests.
// https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#method-takePreciseCoverage
const { Session } = require('node:inspector');
const { relative, sep } = require('node:path');
const { fileURLToPath } = require('node:url');
const { writeFileSync } = require('node:fs');

const root = process.env.MOOT_ROOT;
const session = new Session();
const tests = [];
const open = new Map();
const lengths = {};

const post = (method, params) => {
  let answer = { result: [] };
  session.post(method, params, (error, value) => { if (!error) answer = value; }); // answers at once
  return answer;
};

const local = (url) => {
  if (!url.startsWith('file:') && !url.startsWith(sep)) return '';
  const path = relative(root, url.startsWith('file:') ? fileURLToPath(url) : url);
  const foreign = path.startsWith('..') || path.startsWith('.moot-') || path.includes('node_modules');
  return foreign ? '' : path.replaceAll(sep, '/');
};

const scripts = () => {
  const found = {};
  for (const { url, functions } of post('Profiler.takePreciseCoverage').result) {
    const path = local(url);
    if (!path) continue;
    const ranges = functions.flatMap((each) => each.ranges.map((r) => [r.startOffset, r.endOffset, r.count]));
    for (const [start, end] of ranges) if (start === 0) lengths[path] = Math.max(end, lengths[path] ?? 0);
    found[path] = ranges;
  }
  return found;
};

const flush = () => {
  const found = scripts();
  for (const test of open.values()) test.scripts.push(found);
};

exports.name = (file, names) => [relative(process.cwd(), file), names].join(' > ');

exports.begin = (id) => {
  flush();
  open.set(id, { id, scripts: [] });
};

exports.end = (id) => {
  flush();
  const test = open.get(id);
  if (test) tests.push(test);
  open.delete(id);
};

exports.start = () => {
  session.connect();
  post('Profiler.enable');
  post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  process.on('exit', () => {
    flush();
    const tool = `V8 of Node ${process.versions.node}`;
    const record = { tool, lengths, tests: [...tests, ...open.values()] };
    writeFileSync(`${process.env.MOOT_SPECTRUM}/${process.pid}.json`, JSON.stringify(record));
  });
};
