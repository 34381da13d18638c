/** The settings as people read them: on the terminal, in docs/CONFIG.md and in .env.example. Made from the schema. */
import { configSchema, SECTIONS, type SettingName } from './config-schema.ts';
import { notes } from './setting-checks.ts';

/** For `els config help`. */
export function configHelp(): string {
  const blocks = sections().map(({ title, settings }) => {
    const lines = settings.map(
      ({ name, unit, defaultText, required, secret, meaning }) =>
        `  ${name}${unit === '' ? '' : ` (${unit})`}${required ? '  required' : `  default ${defaultText || 'none'}`}${secret ? `  or ${name}_FILE` : ''}\n      ${meaning}`,
    );
    return `${title}\n${lines.join('\n')}`;
  });
  return `Settings are environment variables.\n\n${blocks.join('\n\n')}\n`;
}

/** The text of docs/CONFIG.md. */
export function configMarkdown(): string {
  const blocks = sections().map(({ title, settings }) => {
    const rows = settings.map(({ name, meaning, unit, defaultText, required, secret }) => {
      const cell = required ? '**required**' : defaultText === '' ? '' : `\`${defaultText}\``;
      return `| \`${name}\` | ${cell} | ${unit} | ${meaning}${secret ? ` Or \`${name}_FILE\`.` : ''} |`;
    });
    return `## ${title}\n\n| variable | default | unit | meaning |\n|---|---|---|---|\n${rows.join('\n')}`;
  });
  return `<!-- Generated: pnpm --silent els config help --markdown > docs/CONFIG.md -->
# Configuration

Settings are environment variables, checked before anything is opened. A mistake ends the program with exit code 78
and one line per mistake. An empty variable counts as absent. A secret may be read from a file: \`NAME_FILE\` holds its path.
\`pnpm els config print\` shows what is in use and where it comes from, \`pnpm els config check\` only checks.

These time limits must rise in this order, so that whoever waits longer learns the reason from whoever waited less:
\`LOCK_TIMEOUT_MS\` < \`STATEMENT_TIMEOUT_MS\` < \`QUERY_TIMEOUT_MS\` < \`IDLE_IN_TRANSACTION_TIMEOUT_MS\` <
\`KAFKA_SESSION_TIMEOUT_MS\` < \`KAFKA_REBALANCE_TIMEOUT_MS\`; and \`STATEMENT_TIMEOUT_MS\` < \`SHUTDOWN_GRACE_MS\`.

${blocks.join('\n\n')}
`;
}

/** The text of .env.example: required settings with an example, the others commented out with their default. */
export function configEnvExample(): string {
  const blocks = sections().map(({ title, settings }) => {
    const lines = settings.map(({ name, meaning, unit, defaultText, required, example }) => {
      const line = required ? `${name}=${example}` : `# ${name}=${defaultText}`;
      return `# ${meaning}${unit === '' ? '' : ` In ${unit}.`}\n${line}`;
    });
    return `# --- ${title} ---\n${lines.join('\n')}`;
  });
  return `# Generated: pnpm --silent els config help --env > .env.example
# Copy to .env and start a program with: node --env-file=.env

${blocks.join('\n\n')}
`;
}

/** The same for programs. */
export function configTable() {
  return sections().flatMap(({ title, settings }) => settings.map((setting) => ({ section: title, ...setting })));
}

function sections() {
  return Object.entries(SECTIONS).map(([title, settings]) => ({
    title,
    settings: (Object.keys(settings) as SettingName[]).map((name) => {
      const check = configSchema.shape[name];
      const about = notes.get(check);
      const fallback = check.safeParse(undefined);
      return {
        name,
        meaning: about?.meaning ?? '',
        unit: about?.unit ?? '',
        secret: about?.secret !== undefined,
        example: about?.example ?? '',
        required: !fallback.success,
        defaultText: about?.defaultText ?? String(fallback.data ?? ''),
      };
    }),
  }));
}
