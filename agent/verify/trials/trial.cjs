// Runs one trial: a few lines, turned into the body of a function, with the names of their module in reach.
// Prints {"kind", "text"} last; what the lines print themselves is part of the text.
const { existsSync, readFileSync, statSync, writeSync } = require('node:fs');
const { createHash } = require('node:crypto');
const Module = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { inspect, types: { isModuleNamespaceObject } } = require('node:util');
const vm = require('node:vm');

const LONGEST = 400;
const PRINTED = 20000;
const TRIAL = 'moot-trial.js';
const FOREIGN = ['ERR_UNKNOWN_FILE_EXTENSION'];
const DEFINED = /^(?:export\s+)?(?:default\s+)?(?:async\s+)?(?:function\*?|class|const|let|var)\s+([A-Za-z_$][\w$]*)/gm;
const ENDS = ['', '.js', '.mjs', '.cjs', '.ts', '.mts', '/index.js', '/index.mjs', '/index.ts'];

const root = process.cwd();
const number = process.argv[2];
const target = path.join(root, readFileSync(path.join(__dirname, number + '.path'), 'utf8'));
const code = readFileSync(path.join(__dirname, number + '.js'), 'utf8');
const own = new WeakSet(); // errors of the trial itself
let loaded; // the module of `target`
let reach = () => undefined; // evaluates a name inside of it
let printed = '';
let answered = false;

function answer(kind, text) {
  if (answered) return;
  answered = true;
  if (text.length > LONGEST) {
    const digest = createHash('sha256').update(text).digest('hex').slice(0, 12);
    text = text.slice(0, LONGEST - 60) + `… (${text.length} characters, ${digest})`;
  }
  writeSync(1, '\n' + JSON.stringify({ kind, text }) + '\n');
  process.exit(0);
}

function raised(error) {
  if (!(error instanceof Error)) return answer('error', 'Error: ' + inspect(error));
  const frame = String(error.stack).split('\n').find((line) => /^\s+at /.test(line)) || '';
  const unknown = error.name === 'ReferenceError' && frame.includes(TRIAL);
  const message = own.has(error) ? error.message.replace(/( imported from |\n)[^]*/, '') : error.message;
  answer(unknown || own.has(error) ? 'unusable' : 'error', `${error.name}: ${message}`);
}

function find(name) {
  for (const folder of [path.dirname(target), root])
    for (const end of ENDS) {
      const file = path.resolve(folder, name) + end;
      if (existsSync(file) && statSync(file).isFile()) return file;
    }
  const bare = (file) => path.basename(file).replace(/\.\w+$/, '');
  return bare(name) === bare(target) ? target : name; // named as from the folder of a test
}

const local = (name) => name.startsWith('.') || path.isAbsolute(name);
// A module of either kind as one that exports by name, and its own exports as the default.
const flat = (found) =>
  isModuleNamespaceObject(found)
    ? { ...Object(found.default), ...found }
    : { ...Object(found), default: found };

async function load(name) {
  const file = local(name) ? find(name) : name;
  if (file === target && loaded) return flat(loaded);
  try {
    return flat(await import(local(name) ? pathToFileURL(file).href : name));
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND' && error.message.includes(file)) own.add(error);
    throw error;
  }
}

function require_(name) {
  const file = local(name) ? find(name) : name;
  if (file === target && loaded) return loaded;
  try {
    return Module.createRequire(target)(file);
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND' && error.message.includes(`'${file}'`)) own.add(error);
    throw error;
  }
}

// The module is given a last line, through which names that it does not export can be read.
function open() {
  const line = '\n;globalThis.mootReach((name) => eval(name));';
  const compile = Module.prototype._compile;
  Module.prototype._compile = function (text, file, ...rest) {
    return compile.call(this, file === target ? text + line : text, file, ...rest);
  };
  globalThis.mootReach = (names) => { reach = names; };
  const hook = `export async function load(url, context, next) {
    const found = await next(url, context);
    if (url !== ${JSON.stringify(pathToFileURL(target).href)} || found.format !== 'module' || !found.source) return found;
    return { ...found, source: Buffer.from(found.source).toString() + ${JSON.stringify(line)} };
  }`;
  if (Module.register) Module.register('data:text/javascript,' + encodeURIComponent(hook));
}

async function enter() {
  open();
  const tsx = path.join(root, 'node_modules/tsx/dist/cjs/api/index.cjs');
  if (/ts$/.test(target) && existsSync(tsx)) require(tsx).register();
  try {
    loaded = require(target);
  } catch (error) {
    const module = error.code === 'ERR_REQUIRE_ESM' || /import statement|'export'|import\.meta/.test(error.message);
    if (!module) throw error;
    loaded = await import(pathToFileURL(target).href);
  }
}

function names() {
  const found = new Map([[path.basename(target).replace(/\.\w+$/, ''), loaded]]);
  for (const each of [loaded, loaded.default]) {
    if (typeof each === 'function' && each.name) found.set(each.name, each);
    if (Object(each) === each) for (const [name, value] of Object.entries(each)) found.set(name, value);
  }
  for (const [, name] of readFileSync(target, 'utf8').matchAll(DEFINED))
    if (!found.has(name)) {
      try {
        found.set(name, reach(name));
      } catch {} // it is not one of the top level
    }
  return [...found].filter(([name]) => {
    try {
      return Function(`"use strict"; let ${name};`);
    } catch {
      return false; // no identifier, or a word of the language
    }
  });
}

async function main() {
  process.stdout.write = (text) => {
    if (printed.length < PRINTED) printed += text;
    return true;
  };
  process.stderr.write = () => true;
  process.on('uncaughtException', raised);
  process.on('unhandledRejection', raised);
  process.on('exit', (status) => {
    if (status) answer('error', `exit: the process ended with status ${status}`);
    answer('late', 'no end');
  });
  if (!existsSync(target)) return answer('unusable', path.relative(root, target) + ' is not there in this version');
  try {
    await enter();
  } catch (error) {
    if (FOREIGN.includes(error.code)) own.add(error);
    throw error;
  }
  const known = names();
  let run;
  try {
    const parameters = ['load', 'require', ...known.map(([name]) => name)].join(', ');
    run = vm.runInThisContext(`(async (${parameters}) => { {\n${code}\n} })`, { filename: TRIAL });
  } catch (error) {
    return answer('unusable', `${error.name}: ${error.message}`);
  }
  const result = await run(load, require_, ...known.map(([, value]) => value));
  const shown = { depth: 8, sorted: true, breakLength: Infinity, compact: true, maxArrayLength: 1000, maxStringLength: 1e7 };
  const said = [printed.trimEnd(), ...(result || []).map((value) => inspect(value, shown))];
  answer('value', said.filter(Boolean).join('\n') || 'undefined');
}

main().catch(raised);
