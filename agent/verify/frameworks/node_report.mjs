// A reporter of Node's test runner (Node 18.15 and later): a line of JSON for each test as it ends.
// Node's own JUnit reporter leaves out the files, so that tests of the same name would fall together.
import { relative } from 'node:path';

const name = (stack, file) => [file && relative(process.cwd(), file), ...stack].filter(Boolean).join(' > ');

const message = (error) => {
  const cause = error?.cause ?? error;
  return String(cause?.stack ?? cause ?? '').slice(-4000);
};

const outcome = (type, data) => {
  if (data.skip !== undefined && data.skip !== false) return 'skipped';
  if (data.todo !== undefined && data.todo !== false) return 'skipped';
  return type === 'test:pass' ? 'passed' : 'failed';
};

const record = (type, data, stack, said) => {
  const seconds = Math.max(0, (data.details?.duration_ms ?? 0) / 1000);
  const whole = data.file && (data.name === data.file || data.file.endsWith(`/${data.name}`));
  return {
    id: name(whole ? [] : stack, data.file),
    outcome: outcome(type, data),
    message: type === 'test:fail' ? (whole ? said : '') + message(data.details?.error) : '',
    file: data.file ?? '',
    seconds,
  };
};

export default async function* report(source) {
  const stacks = new Map();
  const errors = new Map();
  for await (const { type, data } of source) {
    const stack = stacks.get(data?.file) ?? [];
    if (type === 'test:start') {
      stack.length = data.nesting;
      stack[data.nesting] = data.name;
      stacks.set(data.file, stack);
    }
    if (type === 'test:stderr') errors.set(data.file, `${errors.get(data.file) ?? ''}${data.message}`.slice(-3000));
    const suite = data?.details?.type === 'suite'; // no test of its own, unless a hook of it fails
    const ends = type === 'test:fail' || type === 'test:pass';
    const counts = ends && !(suite && (type === 'test:pass' || data.details.error?.failureType === 'subtestsFailed'));
    const names = [...stack.slice(0, data?.nesting), data?.name];
    if (counts) yield `${JSON.stringify(record(type, data, names, errors.get(data.file) ?? ''))}\n`;
  }
  yield '{"end": true}\n';
}
