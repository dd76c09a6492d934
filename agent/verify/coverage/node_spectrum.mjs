// Loaded before each file of tests by Node's own runner; hooks of the root apply to every test below it.
if (process.env.NODE_TEST_CONTEXT) {
  const { beforeEach, afterEach } = await import('node:test');
  const { default: record } = await import('./v8_record.cjs');
  const id = (test) => record.name(process.argv[1], test.fullName ?? test.name);
  record.start();
  beforeEach((test) => record.begin(id(test)));
  afterEach((test) => record.end(id(test)));
}
