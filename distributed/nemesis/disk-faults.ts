/** What happens to a disk: there is no space on it, however much is freed. The system and the server are the witnesses. */
import { constants } from 'node:fs';
import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { accepts } from '../stack/process/accepts.ts';
import type { Server } from '../stack/process/server.ts';
import type { Injector } from './injector.ts';

const FILLER = 'filler';
const PIECE = Buffer.alloc(1_000_000);
const BLOCK_BYTES = 4_096;
const AGAIN_MS = 100;
const LOG_WRITES_MAX = 1_000;
const PROBE_MS_MAX = 1_000;
const END_MS_MAX = 20_000;

/** Everything that is free, and all that becomes free while it lasts. */
export function diskFilled(folder: string): Injector {
  let isOver = false;
  let loop: Promise<void> = Promise.resolve();
  return {
    fault: 'disk-full',
    target: 'postgres data',
    async start() {
      const filledBytes = await fill(folder);
      loop = (async () => {
        while (!isOver) {
          await sleep(AGAIN_MS);
          await fill(folder);
        }
      })();
      return (await freeBytes(folder)) === 0 ? { filledBytes } : null;
    },
    async stop() {
      isOver = true;
      await loop;
      await rm(join(folder, FILLER));
      const free = await freeBytes(folder);
      return free > 0 ? { freeBytes: free } : null;
    },
  };
}

/** As above, of the write-ahead log: a server that cannot write that ends. Somebody else's writes bring it there. */
export function logDiskFilled(folder: string, server: Server, databaseUrl: string): Injector {
  const disk = diskFilled(folder);
  return {
    fault: 'disk-full',
    target: 'postgres wal',
    async start() {
      const { identity } = server;
      const filled = await disk.start();
      await writeLog(databaseUrl);
      // It tries to recover first, for which it has no space either.
      const giveUpAtMs = Date.now() + END_MS_MAX;
      while (server.identity !== undefined && Date.now() < giveUpAtMs) await sleep(AGAIN_MS);
      return filled !== null && server.identity === undefined ? { ...filled, ...identity, ended: true } : null;
    },
    async stop() {
      const freed = await disk.stop();
      await server.start();
      return freed !== null && (await accepts(server, PROBE_MS_MAX)) ? { ...freed, accepts: true } : null;
    },
  };
}

/** Until the server is gone. */
async function writeLog(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'harness-log' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    for (let write = 0; write < LOG_WRITES_MAX; write++) {
      await client.query(`select pg_logical_emit_message(true, 'harness', repeat('x', 1000000))`);
    }
  } catch {
    // That is the end which was looked for.
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Answers how much it took. */
async function fill(folder: string): Promise<number> {
  const file = await open(join(folder, FILLER), constants.O_CREAT | constants.O_WRONLY | constants.O_APPEND);
  let filledBytes = 0;
  try {
    for (let bytes = PIECE.length; bytes >= BLOCK_BYTES; ) {
      const { bytesWritten } = await file.write(PIECE, 0, bytes).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOSPC') throw error;
        return { bytesWritten: 0 };
      });
      filledBytes += bytesWritten;
      if (bytesWritten < bytes) bytes = Math.floor(bytes / 2);
    }
    return filledBytes;
  } finally {
    await file.close();
  }
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
