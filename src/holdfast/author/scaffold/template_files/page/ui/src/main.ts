import { autoResize, createBridge } from '@holdfast/sdk/iframe';
import { describeTime } from './text';

const bridge = createBridge();
const output = document.getElementById('time')!;

function show(): void {
  output.textContent = describeTime(new Date());
}

bridge.ready();
autoResize(bridge);
show();
setInterval(show, 1_000);
