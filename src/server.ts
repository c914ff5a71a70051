// The composition root: builds each layer, joins them, lists the chain of handlers. It decides nothing.

import { Authenticator } from './auth/challenge.ts'
import { IdentityHandler } from './auth/identity.ts'
import { NonceBook } from './auth/nonce.ts'
import { CallRecorder } from './call/call-recorder.ts'
import { CallRetention } from './call/call-retention.ts'
import { PlanHandler } from './call/plan.ts'
import { CallLog } from './call-log.ts'
import type { Clock } from './clock.ts'
import type { Limits } from './config.ts'
import type { Domains } from './directory/account.ts'
import { Directory } from './directory/directory.ts'
import { LiveSettings } from './directory/settings.ts'
import { OptionsHandler } from './feature/options.ts'
import { type Log, safeWire } from './log.ts'
import { CancelHandler } from './proxy/cancel.ts'
import { DialogHandler, type ProxyParts, StatefulProxy } from './proxy/proxy.ts'
import { DialogSeal } from './proxy/record-route.ts'
import { RouteHandler } from './proxy/route.ts'
import { SanityHandler } from './proxy/sanity.ts'
import { TargetRouter } from './proxy/target.ts'
import { Location } from './registrar/location.ts'
import { Registrar } from './registrar/registrar.ts'
import { bareHost, formatHostPort } from './sip/host.ts'
import type { IdSource } from './sip/id.ts'
import type { SipMessage, SipRequest, SipResponse } from './sip/message.ts'
import { buildResponse } from './sip/serialize.ts'
import type {
  Boot,
  DomainRecord,
  ExtensionRecord,
  Invalidation,
  Store,
  StoreListener,
} from './store/store.ts'
import { TransactionLayer } from './transaction/layer.ts'
import { Receiver, replyFlow } from './transaction/receiver.ts'
import { type Trace, Traffic } from './transaction/traffic.ts'
import type { AnyServerTransaction, TransactionUser } from './transaction/transaction.ts'
import { TransportLayer } from './transport/layer.ts'
import type { Resolver } from './transport/resolve.ts'
import type { Flow, ListenAddress, Transport } from './transport/transport.ts'
import { type AnswerListener, Chain, Exchange } from './ua/uas.ts'

/** The world as the server sees it: real in `sipwitches start`, virtual in the simulator. */
export interface ServerWorld {
  readonly clock: Clock
  readonly ids: IdSource
  readonly log: Log
  readonly limits: Limits
  readonly transports: readonly Transport[]
  readonly resolver: Resolver
  /** Seals route sets; the same over restarts. */
  readonly nodeSecret: Uint8Array
  openStore(listener: StoreListener): Store
}

export class Server implements TransactionUser, Omit<StoreListener, 'onNotice'> {
  readonly #world: ServerWorld
  readonly #callLog: CallLog
  readonly #boot: Boot
  readonly store: Store
  readonly settings: LiveSettings
  readonly directory: Directory
  readonly location: Location
  readonly registrar: Registrar
  readonly nonces: NonceBook
  readonly authenticator: Authenticator
  readonly transactions: TransactionLayer
  readonly receiver: Receiver
  readonly transports: TransportLayer
  readonly callRecorder: CallRecorder
  readonly #callRetention: CallRetention
  readonly #domains: Domains
  readonly #seal: DialogSeal
  readonly proxy: StatefulProxy
  readonly #chain: Chain
  defects = 0
  /** Requests that had to wait for the record of an extension whose phone is registered: 0 by design (promise P4). */
  waitsOnCallPath = 0
  /** Why the database can't be used, and since when; null while it can. */
  databaseAway: { readonly reason: string; readonly since: number } | null = null

  /** Opens the database, reads what was kept, listens. Rejects with a sentence when that can't be. */
  static async start(world: ServerWorld): Promise<Server> {
    const early: Invalidation[] = []
    let away: string | null = null
    let server: Server | null = null
    const store = world.openStore({
      // Changes that come before all has been read are handed on afterwards.
      onInvalidation: (changes) =>
        server === null ? early.push(...changes) : server.onInvalidation(changes),
      onAvailability: (reason) => {
        away = reason
        server?.onAvailability(reason)
      },
      onNotice: (sentence) =>
        world.log.error(
          { event: 'store-notice', why: sentence },
          'the database worker has something to tell',
        ),
    })
    try {
      server = new Server(world, store, await store.boot())
      if (away !== null) server.onAvailability(away)
      server.onInvalidation(early)
      await server.transports.listen()
      return server
    } catch (error) {
      await store.close()
      throw error
    }
  }

  private constructor(world: ServerWorld, store: Store, boot: Boot) {
    const { clock, ids, limits, log } = world
    this.#world = world
    this.#boot = boot
    this.#callLog = new CallLog(log)
    this.store = store
    this.settings = new LiveSettings(store, clock, boot.settings)
    this.directory = new Directory({
      store,
      clock,
      domains: boot.domains,
      records: boot.activeExtensions,
      capacity: limits.directory_entries,
      onChanged: (old, now) => this.#onExtensionChanged(old, now),
    })
    const { directory } = this
    this.#domains = {
      domainOf: this.#domainOf,
      get defaultDomain() {
        return directory.defaultDomain
      },
    }
    this.callRecorder = new CallRecorder({
      clock,
      ids,
      store,
      domains: this.#domains,
      limits,
      settings: this.settings,
    })
    this.#callRetention = new CallRetention(clock, store, this.settings)
    const traffic = new Traffic(log.isLevelEnabled('trace') ? this.#trace : null)
    this.transactions = new TransactionLayer({
      clock,
      ids,
      limits,
      traffic,
      user: this,
      isRegistered: ({ transport, peer }) =>
        this.location.isSource(`${transport}:${formatHostPort(peer.host, peer.port)}`),
      replyFlow: (request, flow) => replyFlow(request, flow, this.#flowTo),
    })
    this.receiver = new Receiver(this.transactions, { onDefect: (error) => this.#defect(error, {}) })
    this.transports = new TransportLayer(world.transports, this.receiver)
    this.location = new Location(clock, {
      onActive: (extensionId) => this.directory.keep(extensionId),
      onIdle: (extensionId) => this.directory.release(extensionId),
      onExpired: (bindings) => this.registrar.expire(bindings),
    })
    this.registrar = new Registrar({
      clock,
      limits,
      store,
      location: this.location,
      directory: this.directory,
      settings: this.settings,
      onRegistration: (event, binding, callId) => this.#callLog.registration(event, binding, callId),
    })
    this.nonces = new NonceBook(clock, ids, limits.noncesUsed_entries)
    this.authenticator = new Authenticator(this.nonces, this.settings)
    this.#seal = new DialogSeal(world.nodeSecret)
    this.proxy = this.#buildProxy()
    this.#chain = new Chain(this.#handlers(), (error, exchange) => this.#onChainDefect(error, exchange))
    this.#restore(boot)
  }

  /** The way of a request, link by link. */
  #handlers() {
    const { limits, ids } = this.#world
    const { directory, location, settings, authenticator } = this
    const isLocal = this.#isLocal
    const domains = this.#domains
    const seal = this.#seal
    const onWaited = this.#onWaited
    return [
      new SanityHandler({ limits, isLocal }),
      new CancelHandler(this.transactions, ids),
      new RouteHandler({ seal, limits, isLocal }),
      new DialogHandler(this.proxy),
      new OptionsHandler(domains),
      new IdentityHandler({ authenticator, directory, settings, domains, onWaited }),
      this.registrar,
      new PlanHandler({ directory, location, proxy: this.proxy, domains, onWaited }),
    ]
  }

  #buildProxy(): StatefulProxy {
    const { clock, ids, limits, resolver } = this.#world
    return new StatefulProxy({
      clock,
      ids,
      limits,
      transactions: this.transactions,
      settings: this.settings,
      seal: this.#seal,
      isLocal: this.#isLocal,
      isOwnRealm: (realm) => this.directory.isOwnRealm(realm),
      router: new TargetRouter({
        location: this.location,
        flowTo: this.#flowTo,
        resolveNow: (host) => resolver.resolveNow(host),
        resolve: (host) => resolver.resolve(host),
      }),
      onStage: this.#onStage,
    })
  }

  /** Extensions in the database when the server started. */
  get extensionCount(): number {
    return this.#boot.extensionCount
  }

  /** For how long no change of a row has been heard of, whether there was any or not. */
  get staleness_seconds(): number {
    return Math.max(0, this.#world.clock.now() - this.store.counts().followedAt) / 1000
  }

  /** What the server had to start with. */
  get startedFrom(): Pick<Boot, 'from' | 'asOf'> {
    return this.#boot
  }

  now(): number {
    return this.#world.clock.now()
  }

  get resolver(): Resolver {
    return this.#world.resolver
  }

  get bound(): readonly ListenAddress[] {
    return this.transports.bound
  }

  /** Takes nothing new, makes what is pending durable, and lets go of everything. */
  async stop(): Promise<void> {
    await this.transports.close()
    this.transactions.close()
    this.location.close()
    this.#callRetention.close()
    await this.store.close()
  }

  onRequest(request: SipRequest, transaction: AnyServerTransaction): void {
    const { ids, clock } = this.#world
    this.#chain.run(new Exchange(request, transaction, ids, clock.now(), this.#onAnswer))
  }

  onAck(request: SipRequest): void {
    this.proxy.forwardAck(request)
  }

  onRepeated(response: SipResponse, upstream: Flow): void {
    this.proxy.passAgain(response, upstream)
  }

  onDefect(error: unknown, message: SipMessage): void {
    this.#defect(error, { callId: message.callId, method: message.cseqMethod })
  }

  onInvalidation(changes: readonly Invalidation[]): void {
    this.settings.onInvalidation(changes)
    this.directory.onInvalidation(changes)
  }

  onAvailability(reason: string | null): void {
    const { clock, log } = this.#world
    const since = this.databaseAway?.since ?? clock.now()
    this.databaseAway = reason === null ? null : { reason, since }
    if (reason === null) log.warn({ event: 'database-back' }, 'the database can be used again')
    else log.error({ event: 'database-away', why: reason }, 'the database cannot be used; known phones go on')
  }

  /** What expired while the server was down goes at the location's first sweep. */
  #restore(boot: Boot): void {
    const numbers = new Map(boot.activeExtensions.map(({ id, number }) => [id, number]))
    this.location.restore(
      boot.bindings.map((record) => ({
        ...record,
        number: numbers.get(record.extensionId) ?? '',
        stored: true,
        flow: null,
      })),
    )
    for (const extension of boot.activeExtensions) if (extension.suspended) this.registrar.drop(extension)
  }

  #onExtensionChanged(old: ExtensionRecord, now: ExtensionRecord | null): void {
    // Whoever registered its phones has proved to be the old owner, not the new one.
    const isAnothers = now === null || now.id !== old.id || now.userId !== old.userId
    if (isAnothers || now.suspended) this.registrar.drop(old)
  }

  #onChainDefect(error: unknown, exchange: Exchange): void {
    const { request, transaction } = exchange
    transaction.respond(500, buildResponse(request, 500, { toTag: this.#world.ids.tag() }))
    this.onDefect(error, request)
  }

  #defect(error: unknown, fields: Readonly<Record<string, unknown>>): void {
    this.defects++
    this.#world.log.error(
      { event: 'defect', err: error, ...fields },
      'a defect of ours ended this transaction',
    )
  }

  readonly #onAnswer: AnswerListener = (exchange, status, why) => {
    this.#callLog.answer(exchange, status, why)
    this.callRecorder.answer(exchange, status, why)
  }

  readonly #onStage: ProxyParts['onStage'] = (stage, fork, status) => {
    this.#callLog.stage(stage, fork.exchange, status)
    this.callRecorder.stage(stage, fork, status)
  }

  readonly #onWaited = (extension: ExtensionRecord | null): void => {
    if (extension !== null && this.location.has(extension.id)) this.waitsOnCallPath++
  }

  readonly #isLocal = (host: string, port: number): boolean => this.transports.isLocal(host, port)

  readonly #flowTo: TransportLayer['flowTo'] = (transport, peer, local) =>
    this.transports.flowTo(transport, peer, local)

  /** A domain by its name, on any port; the default one for our own addresses (DESIGN.md section 5). */
  readonly #domainOf = (host: string, port: number): DomainRecord | null => {
    const named = this.directory.domainOf(host)
    if (named !== null) return named
    const bare = bareHost(host)
    const ours = port === 0 ? this.transports.isLocalHost(bare) : this.transports.isLocal(bare, port)
    return ours ? this.directory.defaultDomain : null
  }

  readonly #trace: Trace = (direction, bytes, flow) => {
    const { host, port } = flow.peer
    const wire = safeWire(Buffer.from(bytes).toString('utf8'))
    this.#world.log.trace(
      { event: direction, peer: `${flow.transport}:${host}:${port}`, wire },
      `sip ${direction}`,
    )
  }
}
