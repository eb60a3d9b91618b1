// Bytes of all buffers that live on a GPUDevice, whoever made them: what an engine really takes, its pools included.

export interface GpuBytes {
  bytes: number;
  peakBytes: number;
}

const watched = new WeakMap<GPUDevice, GpuBytes>();

/** Counts from the first call for a device on. */
function watch(device: GPUDevice): GpuBytes {
  const known = watched.get(device);
  if (known !== undefined) return known;
  const count: GpuBytes = { bytes: 0, peakBytes: 0 };
  watched.set(device, count);
  const create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = create(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    let lives = true;
    buffer.destroy = () => {
      if (lives) count.bytes -= descriptor.size;
      lives = false;
      destroy();
    };
    count.bytes += descriptor.size;
    count.peakBytes = Math.max(count.peakBytes, count.bytes);
    return buffer;
  };
  return count;
}

/** What is made on the device from now on. One such count at a time: the next one forgets the peak. */
export function countBuffers(device: GPUDevice): () => GpuBytes {
  const count = watch(device);
  const before = count.bytes;
  count.peakBytes = before;
  return () => ({ bytes: count.bytes - before, peakBytes: count.peakBytes - before });
}
