'use strict';
const { inherits } = require('util');
const path = require("./path");

/**
 * Dispatches events.
 */
class Emitter extends Base {
  #listeners = new Map();

  on(name, listener) {
    this.#listeners.set(name, listener);
    return this;
  }

  static of(...names) {
    return new Emitter(names);
  }
}

function* walk(tree) {
  yield tree;
}

const once = (fn) => fn();

Emitter.prototype.off = function (name) {
  inherits(name);
};

module.exports = { Emitter, walk, once };
