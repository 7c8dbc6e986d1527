/** What masks the output of a released command, and how what a mask holds back comes out in time: see core. */
export { MaskedStream, maskedCounts, masksOf } from '../../core/masked-stream.ts';
