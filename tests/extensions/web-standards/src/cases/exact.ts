// What Node 20 itself gets wrong, with the value of the standard; and the URL of the current request, which Node does not know.
import type { Cases } from '../run.ts';

const decode = (label: string, list: number[]) => new TextDecoder(label).decode(Uint8Array.from(list));

export const exact = (target: string): Cases => ({
  'windows-1252 has the euro': () => decode('windows-1252', [0x80, 0xe4, 0x99, 0xff]) === '€ä™ÿ',
  'latin1 is windows-1252': () => decode('latin1', [0x93]) === '“',
  'ibm866 keeps control characters': () => decode('ibm866', [0x1a, 0x80]) === '\u001aА',
  'the URL of the request': () => new URL(target).href === `http://localhost${target}` && URL.canParse(target),
  'no other path': () => !URL.canParse(`${target}x`) && !URL.canParse('/'),
});
