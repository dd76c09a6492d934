// Root hooks of Mocha (https://mochajs.org/#root-hook-plugins): they apply to every test.
const record = require('./v8_record.cjs');

const id = (test) => record.name(test.file, test.fullTitle());

record.start();
exports.mochaHooks = {
  beforeEach() { record.begin(id(this.currentTest)); },
  afterEach() { record.end(id(this.currentTest)); },
};
