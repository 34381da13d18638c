/**
 * Sockets to brokers, of all clients of the process. A broker that left one of them without an answer is closed to all:
 * each client would find out for itself otherwise, in ten seconds, and again with every new connection, because the system
 * accepts connections for a process that hangs. Until the broker answers again, a new connection has a moment for the
 * first answer.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';
import { readTls, type TlsFiles } from '../connection/tls-files.ts';

const KEEP_ALIVE_MS = 30_000;
/** Short, because kafkajs comes back several times before it asks somebody else who leads. */
const FIRST_ANSWER_MS_MAX = 250;
/** After that it gets the usual patience: it may only be slow. */
const SUSPECT_MS_MAX = 60_000;
/** Of the error by which the client (see patches/) closes a connection without an answer. */
const NO_ANSWER = 'ENOANSWER';

const open = new Map<string, Set<Socket>>();
/** By address: until when. */
const suspects = new Map<string, number>();

/** Stands for the colons of an IPv6 address, which kafkajs would take for that of the port. */
const IPV6_NAME = /^(.*)\.ipv6$/;

/** As kafkajs's own, without Nagle's delay, and with certificates as they are when the connection is made. */
export function socketFactoryOf(tls: TlsFiles): ISocketFactory {
  return ({ host: name, port, ssl, onConnect }) => {
    const host = IPV6_NAME.exec(name)?.[1]?.replaceAll('-', ':') ?? name;
    const socket = ssl
      ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...readTls(tls) }, onConnect)
      : connectTcp({ host, port }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.setNoDelay(true);
    watch(socket, `${host}:${port}`);
    return socket;
  };
}

function watch(socket: Socket, address: string): void {
  const all = open.get(address) ?? new Set();
  open.set(address, all.add(socket));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === NO_ANSWER) suspect(address);
  });
  socket.once('close', () => {
    all.delete(socket);
    if (all.size === 0) open.delete(address);
  });
  if ((suspects.get(address) ?? 0) < performance.now()) return;
  const timer = setTimeout(() => socket.destroy(noAnswer()), FIRST_ANSWER_MS_MAX);
  socket.once('data', () => suspects.delete(address));
  for (const event of ['data', 'close']) socket.once(event, () => clearTimeout(timer));
}

function suspect(address: string): void {
  const nowMs = performance.now();
  const isKnown = (suspects.get(address) ?? 0) > nowMs;
  suspects.set(address, nowMs + SUSPECT_MS_MAX);
  if (isKnown) return;
  for (const socket of open.get(address) ?? []) socket.destroy(noAnswer());
}

function noAnswer(): Error {
  return Object.assign(new Error('the broker does not answer'), { code: NO_ANSWER });
}
