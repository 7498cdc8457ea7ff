/**
 * The gate as one pair sees it: it marks what a person waits for, and calls back what waits when something more urgent
 * came up. What is under way is never touched, and neither is a request without a signal: it must not be interrupted.
 */
import type { RtsyncError } from '../lib/errors.ts';
import type { Answered, Gate, RequestTicket } from '../lib/gate.ts';

export interface PairGate extends Gate {
  /** Whether the requests that are made now are urgent. */
  urgent: boolean;
  /**
   * Rejects with `reason`, at once, all requests of this pair that wait, are not urgent, and were given a signal; and,
   * until `resume`, all such that come.
   */
  callBack(reason: RtsyncError): void;
  resume(): void;
}

/** Goes before what is not waited for. */
const URGENT_PRIORITY = 10;

export function createPairGate(gate: Gate): PairGate {
  const waiting = new Set<AbortController>();
  let urgent = false;
  let calledBack: RtsyncError | undefined;

  const run = async <T extends Answered>(
    ticket: RequestTicket,
    send: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> => {
    if (urgent) {
      const priority = (ticket.priority ?? 0) + URGENT_PRIORITY;
      return gate.run({ ...ticket, urgent: true, priority }, send, signal);
    }
    if (signal === undefined) return gate.run(ticket, send);
    if (calledBack !== undefined) throw calledBack;
    const recall = new AbortController();
    waiting.add(recall);
    const sending = async (): Promise<T> => {
      waiting.delete(recall);
      const answered = await send(signal);
      // Refused by the rate limit, it waits again.
      if (answered.status === 429) waitAgain(recall);
      return answered;
    };
    try {
      return await gate.run(ticket, sending, AbortSignal.any([signal, recall.signal]));
    } finally {
      waiting.delete(recall);
    }
  };

  const waitAgain = (recall: AbortController): void => {
    if (calledBack === undefined) waiting.add(recall);
    else recall.abort(calledBack);
  };

  return {
    run,
    get urgent() {
      return urgent;
    },
    set urgent(value) {
      urgent = value;
    },
    callBack: (reason) => {
      calledBack = reason;
      for (const recall of waiting) recall.abort(reason);
      waiting.clear();
    },
    resume: () => {
      calledBack = undefined;
    },
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
