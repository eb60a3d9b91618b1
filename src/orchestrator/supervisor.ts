// Keeps one worker running: starts it at the first use, hears its beats, pings it when it falls silent, and starts a
// new one when it died. Owns the Worker and the page's connection to it. Decisions are in supervision-plan.ts.
import { AppError } from '../lib/errors';
import { PROTOCOL_VERSION, type WorkerApi, type WorkerKind } from '../protocol/workers';
import { type Clock, systemClock } from '../rpc/clock';
import { connect, type RpcClient } from '../rpc/connect';
import type { ConnectOptions } from '../rpc/connection';
import { parseWorkerMessage, type HostMessage } from '../rpc/handshake';
import {
  DEFAULT_POLICY,
  planDeathCount,
  planRestart,
  planTick,
  type SupervisionPolicy,
  type Vigil,
} from './supervision-plan';
import type { WorkerPool } from './worker-pool';

/** The part of a Worker that is used. */
export interface WorkerHandle {
  postMessage(message: HostMessage, transfer: Transferable[]): void;
  terminate(): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<unknown>) => void): void;
  addEventListener(type: 'error' | 'messageerror', listener: (event: Event) => void): void;
}

export interface SupervisorOptions {
  kind: WorkerKind;
  capabilities: readonly string[];
  pool: WorkerPool;
  spawn: () => WorkerHandle;
  connectOptions?: Omit<ConnectOptions, 'name'>;
  /** Joins the page's bus with the worker's; the returned function takes the bridge down. */
  bridge: (port: MessagePort) => () => void;
  /** A worker was started, the first or a later one. */
  onStarted?: () => void;
  /** It died; `error` is what its pending calls got. */
  onDied?: (error: AppError) => void;
  /** The worker asks for its peer. */
  onNeedPeer?: () => void;
  isHidden?: () => boolean;
  clock?: Clock;
  policy?: SupervisionPolicy;
}

type Client = RpcClient<WorkerApi>;

interface Running {
  worker: WorkerHandle;
  client: Client;
  unbridge: () => void;
  startedAt: number;
  activity: string;
  vigil: Vigil;
  pinging: boolean;
}

/** How long a call waits for a worker that is being restarted. */
const RESTART_WAIT_MS = 45_000;
const STOP_GRACE_MS = 500;

export class Supervisor {
  readonly id: string;
  readonly #options: SupervisorOptions;
  readonly #clock: Clock;
  readonly #policy: SupervisionPolicy;
  readonly #waiting = new Set<(client: Client) => void>();
  #running: Running | null = null;
  #restartPending = false;
  #stopped = false;
  #deaths = 0;
  #lastTick = 0;
  #stopTimer: () => void = () => undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#policy = options.policy ?? DEFAULT_POLICY;
    const { pool, kind, capabilities } = options;
    this.id = pool.register({ kind, capabilities, version: PROTOCOL_VERSION });
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  /**
   * The connection to the worker, starting it where it does not run. While it is being restarted, waits.
   * @throws AppError `worker.unavailable`
   */
  client(): Promise<Client> {
    if (this.#stopped) return Promise.reject(this.#unavailable('was stopped'));
    if (this.#running) return Promise.resolve(this.#running.client);
    if (!this.#restartPending) return Promise.resolve(this.#start().client);
    return new Promise((resolve, reject) => {
      const onStarted = (client: Client) => {
        stop();
        resolve(client);
      };
      const stop = this.#clock.after(RESTART_WAIT_MS, () => {
        this.#waiting.delete(onStarted);
        reject(this.#unavailable('does not come back'));
      });
      this.#waiting.add(onStarted);
    });
  }

  /** Starts the worker where it neither runs nor is about to. */
  ensureStarted(): void {
    if (!this.#stopped && !this.#running && !this.#restartPending) this.#start();
  }

  /** `callerLock`: Web Lock that the caller holds as long as it lives. */
  addCaller(port: MessagePort, callerLock: string): void {
    const message: HostMessage = { type: 'fragua:caller', port, callerLock };
    // While it is being restarted the port waits, with what the caller has sent already.
    this.client().then(
      () => this.#running?.worker.postMessage(message, [port]),
      () => port.close(),
    );
  }

  /** No-op while it does not run: the next start asks again. */
  attachPeer(port: MessagePort): void {
    this.#running?.worker.postMessage({ type: 'fragua:peer', port }, [port]);
  }

  /** Lets the worker put its things away, then ends it. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#stopTimer();
    this.#options.pool.deregister(this.id);
    const running = this.#running;
    if (!running) return;
    this.#running = null;
    running.worker.postMessage({ type: 'fragua:stop' }, []);
    running.client.fail(this.#unavailable('was stopped'));
    await new Promise<void>((resolve) => this.#clock.after(STOP_GRACE_MS, resolve));
    running.unbridge();
    running.worker.terminate();
  }

  #start(): Running {
    const { kind, spawn, bridge, connectOptions, pool, onStarted } = this.#options;
    const calls = new MessageChannel();
    const events = new MessageChannel();
    const worker = spawn();
    const running: Running = {
      worker,
      client: connect<WorkerApi>(calls.port1, { ...connectOptions, name: kind }),
      unbridge: bridge(events.port1),
      startedAt: this.#clock.now(),
      activity: 'starting',
      vigil: { silentTicks: 0, graceTicksLeft: 0 },
      pinging: false,
    };
    this.#running = running;
    this.#listen(running);
    const { heartbeatMs } = this.#policy;
    const ports = { callPort: calls.port2, busPort: events.port2 };
    worker.postMessage({ type: 'fragua:init', heartbeatMs, ...ports }, [calls.port2, events.port2]);
    pool.setStatus(this.id, 'starting');
    this.#lastTick = this.#clock.now();
    this.#scheduleTick();
    onStarted?.();
    return running;
  }

  #listen(running: Running): void {
    const { worker } = running;
    worker.addEventListener('message', (event) => {
      if (this.#running === running) this.#hear(running, event.data);
    });
    worker.addEventListener('error', (event) => {
      const message = 'message' in event && typeof event.message === 'string' ? event.message : '';
      this.#die(running, message === '' ? 'failed' : `failed: ${message}`);
    });
    worker.addEventListener('messageerror', () => this.#die(running, 'received a message it could not read'));
  }

  #hear(running: Running, data: unknown): void {
    const message = parseWorkerMessage(data);
    if (!message) return;
    if (message.type === 'fragua:need-peer') return this.#options.onNeedPeer?.();
    running.activity = message.activity;
    this.#signOfLife(running);
  }

  #signOfLife(running: Running): void {
    running.vigil = { silentTicks: 0, graceTicksLeft: running.vigil.graceTicksLeft };
    this.#options.pool.heartbeat(this.id, Date.now());
  }

  #scheduleTick(): void {
    this.#stopTimer = this.#clock.after(this.#policy.tickMs, () => this.#tick());
  }

  #tick(): void {
    const running = this.#running;
    if (!running) return;
    const now = this.#clock.now();
    const sinceLastTickMs = now - this.#lastTick;
    this.#lastTick = now;
    const hidden = this.#options.isHidden?.() ?? false;
    const facts = { sinceLastTickMs, hidden, activity: running.activity };
    const { vigil, verdict } = planTick(running.vigil, facts, this.#policy);
    running.vigil = vigil;
    if (verdict === 'ping' && !running.pinging) void this.#ping(running);
    this.#scheduleTick();
  }

  /** The last word before death: a question of its own, with a deadline of its own. */
  async #ping(running: Running): Promise<void> {
    running.pinging = true;
    this.#options.pool.setStatus(this.id, 'unresponsive');
    const answered = await Promise.race([
      running.client.api.health().then(
        () => true,
        () => false,
      ),
      new Promise<boolean>((resolve) => this.#clock.after(this.#policy.pingMs, () => resolve(false))),
    ]);
    running.pinging = false;
    if (this.#running !== running) return;
    // A beat that came meanwhile is as good as an answer, and so is a freeze: nothing could be heard.
    if (answered || running.vigil.silentTicks === 0) this.#signOfLife(running);
    else this.#die(running, 'stopped answering');
  }

  #die(running: Running, reason: string): void {
    if (this.#running !== running || this.#stopped) return;
    this.#running = null;
    running.worker.terminate();
    running.unbridge();
    this.#planRestart(running);
    const { kind, pool, onDied } = this.#options;
    const error = new AppError('worker.dead', `The ${kind} worker ${reason}.`, {
      details: { worker: kind, activity: running.activity },
      remedy: 'It is being restarted; what was saved is kept. Try again in a moment.',
    });
    running.client.fail(error);
    pool.setStatus(this.id, 'restarting');
    onDied?.(error);
  }

  /** Before anyone is told of the death: whoever calls at once waits for the next worker instead of starting one more. */
  #planRestart({ startedAt }: Running): void {
    this.#stopTimer();
    this.#deaths = planDeathCount(this.#deaths, this.#clock.now() - startedAt, this.#policy);
    this.#restartPending = true;
    this.#stopTimer = this.#clock.after(planRestart(this.#deaths, this.#policy), () => this.#restart());
  }

  #restart(): void {
    this.#restartPending = false;
    if (this.#stopped) return;
    this.#options.pool.countRestart(this.id);
    const { client } = this.#start();
    for (const resolve of [...this.#waiting]) resolve(client);
    this.#waiting.clear();
  }

  #unavailable(what: string): AppError {
    const { kind } = this.#options;
    return new AppError('worker.unavailable', `The ${kind} worker ${what}.`, {
      details: { worker: kind },
      remedy: 'Reload the page.',
    });
  }
}
