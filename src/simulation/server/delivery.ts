/** An answer as the client reads it: whole, or torn on its way. */
import type { HttpAnswer } from '../../remote/http.ts';
import type { SimAnswer } from './answer.ts';
import { codedError, type SimFault, type SimFaults } from './faults.ts';

export interface Delivery {
  readonly fault: SimFault | undefined;
  readonly faults: SimFaults;
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal | undefined;
}

const PIECE = 64 * 1024;

export function answerOf({ status, body }: SimAnswer, delivery: Delivery): HttpAnswer {
  const { headers, signal } = delivery;
  const torn = delivery.fault === 'torn-download' && (status === 200 || status === 206) && body.length > 0;
  const { chance } = delivery.faults;
  const length = torn ? chance.below(body.length) : body.length;
  const error = torn && chance.hits(0.5) ? codedError('UND_ERR_SOCKET', 'other side closed') : undefined;
  return {
    status,
    headers,
    text: async () => {
      signal?.throwIfAborted();
      if (error !== undefined) throw error;
      return typeof body === 'string' ? body : Buffer.from(body.subarray(0, length)).toString('utf8');
    },
    bytes: async function* () {
      const whole = typeof body === 'string' ? Buffer.from(body) : body;
      for (let at = 0; at < Math.min(length, whole.length); at += PIECE) {
        signal?.throwIfAborted();
        yield whole.subarray(at, Math.min(at + PIECE, typeof body === 'string' ? whole.length : length));
      }
      signal?.throwIfAborted();
      if (error !== undefined) throw error;
    },
  };
}
