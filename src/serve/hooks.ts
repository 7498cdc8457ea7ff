/** What happens to every request around its handler: log, key, rate, faults, and the shape of errors. */
import { Readable } from 'node:stream';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { rateHeaders } from './admission.ts';
import { ApiError, errorAnswer } from './answers.ts';
import type { Fault } from './faults.ts';
import { describe, idOfRequest } from './files.ts';
import { isCode } from './place.ts';
import { entryOf, type Service, type Trace } from './service.ts';

/** Adds the hooks; the answer waits until no handler is at work any more. */
export function addHooks(app: FastifyInstance, service: Service): () => Promise<void> {
  const work = trackHandlers(app);
  app.decorateRequest('trace', undefined);

  app.addHook('onRequest', async (request, reply) => {
    reply.header('date', new Date(service.clock.now()).toUTCString());
    openEntry(service, request, reply);
    admit(service, request, reply);
  });
  app.addHook('preHandler', async (request, reply) => {
    describe(request);
    if (service.faults.latencyMs > 0) await service.clock.sleep(service.faults.latencyMs);
    await playBefore(service, request, reply);
  });
  app.addHook('onSend', async (request, reply, payload) => {
    const { trace } = request;
    if (trace === undefined) return payload;
    trace.entry.status = reply.statusCode;
    if (trace.fault?.kind === 'after') await trace.fault.run();
    if (trace.fault?.kind === 'lost-answer') breakConnection(request);
    if (trace.fault?.kind === 'half-list' && typeof payload === 'string') return halfOf(payload);
    return payload;
  });
  app.setNotFoundHandler(() => {
    throw new ApiError(404, 'not_found', 'There is no such endpoint.');
  });
  app.setErrorHandler((error: FastifyError | ApiError, request, reply) => {
    const known = asApiError(error, service);
    const answer = errorAnswer(service.behaviour.errorShape, known, request.id);
    return reply.code(known.status).type(answer.type).send(answer.body);
  });
  return work;
}

/** Counts running handlers: a broken connection ends the request, but not yet what is being written for it. */
function trackHandlers(app: FastifyInstance): () => Promise<void> {
  const running = new Set<Promise<unknown>>();
  app.addHook('onRoute', (route) => {
    const { handler } = route;
    route.handler = function tracked(request, reply) {
      const done = Promise.resolve(handler.call(this, request, reply));
      running.add(done);
      if (request.trace !== undefined) request.trace.work = done;
      const forget = (): void => {
        running.delete(done);
      };
      done.then(forget, forget);
      return done;
    };
  });
  return async () => {
    await Promise.allSettled(running);
  };
}

function openEntry(service: Service, request: FastifyRequest, reply: FastifyReply): void {
  const label = request.routeOptions.config.label ?? 'unknown';
  const entry = service.requests.open(service.clock.now(), request.method, label);
  const { workspace } = request.params as { readonly workspace?: string };
  entry.workspace = workspace ?? '';
  entry.path = idOfRequest(request, service);
  const trace: Trace = { entry, fault: undefined, work: undefined };
  request.trace = trace;
  const { onRequest } = service;
  if (onRequest === undefined) return;
  // Only a handler that is done has found out all ids; it goes on when the caller has left.
  reply.raw.once('close', () => {
    const tell = (): void => onRequest(entry);
    Promise.resolve(trace.work).then(tell, tell);
  });
}

function admit(service: Service, request: FastifyRequest, reply: FastifyReply): void {
  const { need } = request.routeOptions.config;
  if (need === undefined) return;
  const entry = entryOf(request);
  entry.key = service.keys.admit(request.headers, need, service.behaviour.auth);
  const verdict = service.limiter.take(entry.key);
  if (verdict === undefined) return;
  reply.headers(rateHeaders(service.behaviour.rateHeaders, verdict, service.clock.now()));
  if (verdict.admitted) return;
  if (service.behaviour.retryAfter) reply.header('retry-after', Math.ceil(verdict.resetInMs / 1000));
  throw tooMany();
}

function tooMany(): ApiError {
  return new ApiError(429, 'rate_limit_exceeded', 'Too many requests.');
}

async function playBefore(service: Service, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const entry = entryOf(request);
  const fault = service.faults.pick(entry);
  if (fault === undefined || request.trace === undefined) return;
  request.trace.fault = fault;
  entry.fault = fault.kind;
  if (fault.kind === 'before') await fault.run();
  if (fault.kind === 'slow') await service.clock.sleep(fault.ms);
  const refusal = refusalOf(fault);
  if (refusal !== undefined) {
    if (fault.kind === 'rate-limit' && fault.retryAfter !== undefined)
      reply.header('retry-after', fault.retryAfter);
    throw refusal;
  }
  if (fault.kind === 'drop') {
    reply.hijack();
    breakConnection(request);
  }
  if (fault.kind === 'html') {
    await reply
      .type('text/html; charset=utf-8')
      .send('<!doctype html><title>Just a moment</title><p>Please wait.</p>');
  }
}

function refusalOf(fault: Fault): ApiError | undefined {
  if (fault.kind === 'rate-limit') return tooMany();
  if (fault.kind !== 'status') return undefined;
  return new ApiError(fault.status, fault.code ?? 'internal_error', fault.message ?? 'Something went wrong.');
}

/** The first half, then the connection breaks. */
function halfOf(payload: string): Readable {
  const half = payload.slice(0, Math.floor(payload.length / 2));
  return Readable.from(
    (function* broken(): Generator<Buffer> {
      if (half !== '') yield Buffer.from(half);
      throw new Error('broken off on purpose');
    })(),
  );
}

function breakConnection(request: FastifyRequest): void {
  request.raw.socket.destroy();
}

/** Errors of the disk and of the web framework, as the API would put them. */
function asApiError(error: FastifyError | ApiError, service: Service): ApiError {
  if (error instanceof ApiError) return error;
  if (isCode(error, 'ENAMETOOLONG')) return new ApiError(400, 'bad_request', 'The name or path is too long.');
  if (isCode(error, 'ENOENT', 'ENOTDIR')) {
    return new ApiError(service.behaviour.statusForMissing, 'not_found', 'The entry does not exist.');
  }
  if (isCode(error, 'ENOSPC', 'EDQUOT')) {
    const { status, code } = service.behaviour.quotaError;
    return new ApiError(status, code, 'The storage is full.');
  }
  const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
  if (status < 500) return new ApiError(status, 'bad_request', error.message);
  // Messages of the disk hold real paths, which are nobody's business on the other side.
  return new ApiError(500, 'internal_error', 'The server could not do it.');
}
