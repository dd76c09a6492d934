import { Agent as HttpAgent, type Headers } from './http';
import * as retry from "../retry";
export * from './errors';

/** Options of a client. */
export interface ClientOptions<T = unknown> extends Base {
  baseUrl: string;
  parse(body: string): T;
}

export type Method = 'GET' | 'POST';

export enum Status {
  Open,
  Closed = 2,
}

// Waits between attempts.
export const backoff = (attempt: number): number => 2 ** attempt;

const DEFAULT_TIMEOUT = 30_000;

namespace Internal {
  export const version = '1';
}

@sealed()
export abstract class Client<T> extends HttpAgent implements Closeable {
  private options: ClientOptions<T>;
  static create = <U>(url: string) => new ClientImpl<U>(url);

  constructor(options: ClientOptions<T>) {
    super();
    this.options = options;
  }

  get url(): string {
    return this.options.baseUrl;
  }

  /** Sends one request. */
  async send<R>(method: Method, path: string): Promise<R> {
    return retry.times(3, () => this.fetch(method, path));
  }

  protected abstract fetch(method: Method, path: string): Promise<any>;
}

export default async function connect(url: string) {
  return Client.create(url);
}
