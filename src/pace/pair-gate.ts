/**
 * The gate as one pair sees it. Its requests form a share of their own, so that no pair waits behind all of another's;
 * while the pair says so they are urgent; and those that wait can be called back, so that a long cycle makes room for
 * an edit at once. What is under way is never called back, and neither is what was given no signal or concludes what was
 * under way: somebody relies on it.
 */
import type { Bandwidth } from '../lib/bandwidth.ts';
import type { RtsyncError } from '../lib/errors.ts';
import type { Answered, Gate, RequestTicket } from '../lib/gate.ts';

export interface PairGate extends Gate {
  /** While true, each new request is urgent. Those that wait already stay what they are. */
  urgent: boolean;
  /**
   * Rejects with `reason` what waits, has a signal, concludes nothing and is not urgent; and, until `resume`, at once what
   * comes anew. None of it was sent, or it was sent and refused by the rate limit: the server has done nothing.
   */
  callBack(reason: RtsyncError): void;
  resume(): void;
  /** A limit as this pair sees it: a transfer that waits to begin is called back like a request, before its bytes count. */
  bandwidth(limit: Bandwidth): Bandwidth;
}

interface Waiting {
  /** False while it is on its way. */
  waits: boolean;
  readonly cancel: AbortController;
}

export function createPairGate(gate: Gate): PairGate {
  const share = Symbol('pair');
  const patient = new Set<Waiting>();
  const aborts = createForwarding();
  let urgent = false;
  let calledBack: RtsyncError | undefined;

  async function patiently<T>(signal: AbortSignal, work: (one: Waiting) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    if (calledBack !== undefined) throw calledBack;
    const one: Waiting = { waits: true, cancel: new AbortController() };
    const forget = aborts.forward(signal, one.cancel);
    patient.add(one);
    try {
      return await work(one);
    } finally {
      patient.delete(one);
      forget();
    }
  }

  const runPatient = <T extends Answered>(
    ticket: RequestTicket,
    send: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> =>
    patiently(signal, (one) => {
      const sendOnce = async (own: AbortSignal): Promise<T> => {
        one.waits = false;
        const answered = await send(own);
        // It was refused for its rate and waits once more.
        one.waits = answered.status === 429;
        if (one.waits && calledBack !== undefined) one.cancel.abort(calledBack);
        return answered;
      };
      return gate.run(ticket, sendOnce, one.cancel.signal);
    });

  return {
    run: (ticket, send, signal) => {
      const mine = { ...ticket, share, ...(urgent && { urgent }) };
      const stays = signal === undefined || mine.urgent === true || mine.concludes === true;
      if (stays) return gate.run(mine, send, signal);
      return runPatient(mine, send, signal);
    },
    get urgent() {
      return urgent;
    },
    set urgent(now) {
      urgent = now;
    },
    callBack(reason) {
      calledBack = reason;
      for (const one of [...patient]) if (one.waits) one.cancel.abort(reason);
    },
    resume() {
      calledBack = undefined;
    },
    bandwidth: (limit) => ({
      rate: (way) => limit.rate(way),
      transfer: async (job, run) => {
        if (job.signal === undefined || urgent) return limit.transfer(job, run);
        return patiently(job.signal, (one) =>
          limit.transfer({ ...job, signal: one.cancel.signal }, (throttle) => {
            one.waits = false;
            return run(throttle);
          }),
        );
      },
    }),
    storageFull: (full) => gate.storageFull(full),
    get storageIsFull() {
      return gate.storageIsFull;
    },
    get limitPerMinute() {
      return gate.limitPerMinute;
    },
    get counts() {
      return gate.counts;
    },
  };
}

interface Forwarding {
  /** Aborts `to` when `from` is aborted, until the returned function is called. */
  forward(from: AbortSignal, to: AbortController): () => void;
}

/** One listener per signal, however many requests it has: Node searches all of them for each that comes or goes. */
function createForwarding(): Forwarding {
  const targets = new Map<
    AbortSignal,
    { readonly all: Set<AbortController>; readonly listener: () => void }
  >();

  return {
    forward(from, to) {
      const known = targets.get(from);
      if (known !== undefined) known.all.add(to);
      else {
        const all = new Set([to]);
        const listener = () => {
          for (const one of [...all]) one.abort(from.reason);
        };
        targets.set(from, { all, listener });
        from.addEventListener('abort', listener, { once: true });
      }
      return () => {
        const entry = targets.get(from);
        if (entry === undefined || !entry.all.delete(to) || entry.all.size > 0) return;
        targets.delete(from);
        from.removeEventListener('abort', entry.listener);
      };
    },
  };
}
