/** Authorities and what they vouch for, made by openssl for the length of a test. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

export class Authority {
  readonly caFile: string;
  private readonly folder: string;
  private readonly name: string;

  constructor(folder: string, name: string) {
    this.folder = folder;
    this.name = name;
    this.caFile = join(folder, `${name}.crt`);
    const subject = ['-subj', `/CN=${name}`, '-days', '2', '-keyout', this.path('key'), '-out', this.caFile];
    openssl(['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject]);
  }

  /** For `names`, as `DNS:localhost,IP:127.0.0.1`. Expired ones ended yesterday. */
  issue(name: string, names: string, options: { expired?: boolean } = {}): Certificate {
    const at = (kind: string) => join(this.folder, `${this.name}-${name}.${kind}`);
    openssl(['req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`, '-keyout', at('key'), '-out', at('csr')]);
    writeFileSync(at('ext'), `subjectAltName=${names}\n`);
    const validity = options.expired ? ['-days', '-1'] : ['-days', '2'];
    const signer = ['-CA', this.caFile, '-CAkey', this.path('key'), '-CAcreateserial', '-extfile', at('ext')];
    openssl(['x509', '-req', '-in', at('csr'), ...signer, ...validity, '-out', at('crt')]);
    return { certFile: at('crt'), keyFile: at('key') };
  }

  private path(kind: string): string {
    return join(this.folder, `${this.name}.${kind}`);
  }
}

/** Certificate and key in one text, as Java's PEM stores want them. */
export function pemStore({ certFile, keyFile }: Certificate): string {
  const key = execFileSync('openssl', ['pkcs8', '-topk8', '-nocrypt', '-in', keyFile]).toString();
  return `${key}${readFileSync(certFile, 'utf8')}`;
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', [...args], { stdio: ['ignore', 'ignore', 'pipe'] });
}
