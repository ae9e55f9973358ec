// TextDecoderStream and TextEncoderStream of the Encoding standard.
import '../encoding/text.ts';
import './streams.ts';
import { TextDecoderStream, TextEncoderStream } from '@toolchain/@exodus/bytes/encoding-lite.js';
import { define } from '../define.ts';

define({ TextDecoderStream, TextEncoderStream });
