import { CASES, answers } from './cases.ts';

process.stdout.write(JSON.stringify(Object.fromEntries(Object.keys(CASES).map((group) => [group, answers(group)]))));
