/**
 * Certificates and keys from files, read anew for every connection: what is replaced on disk is in use from the next
 * connection on, without a restart. A pair that is being replaced fails one attempt, and the next one reads again.
 */
import { readFileSync } from 'node:fs';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';

export interface TlsFiles {
  /** Authorities to trust in place of the system's. */
  readonly caFile?: string | null | undefined;
  readonly certFile?: string | null | undefined;
  readonly keyFile?: string | null | undefined;
  /** Name to expect in the server's certificate in place of the host that is connected to. */
  readonly serverName?: string | null | undefined;
}

export interface TlsOptions {
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
  servername?: string;
  checkServerIdentity?: (host: string, certificate: PeerCertificate) => Error | undefined;
}

export function hasTlsFiles({ caFile, certFile, keyFile, serverName }: TlsFiles): boolean {
  return [caFile, certFile, keyFile, serverName].some((given) => given != null);
}

/** Options for `tls.connect`. Throws when a file cannot be read. */
export function readTls({ caFile, certFile, keyFile, serverName }: TlsFiles): TlsOptions {
  return {
    ...(caFile != null && { ca: readFileSync(caFile) }),
    ...(certFile != null && { cert: readFileSync(certFile) }),
    ...(keyFile != null && { key: readFileSync(keyFile) }),
    ...(serverName != null && {
      servername: serverName,
      // Clients that set the name themselves would otherwise verify that one.
      checkServerIdentity: (_host: string, certificate: PeerCertificate) =>
        checkServerIdentity(serverName, certificate),
    }),
  };
}
