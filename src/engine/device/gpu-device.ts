// The one GPUDevice. It is made here, with all the adapter allows, so that tfjs and later executors share it.
import type { DeviceReport } from '../../protocol/engine';

const OPTIONAL_FEATURES: GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query'];

const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxStorageBuffersPerShaderStage',
] as const;

export interface OpenedGpu {
  device: GPUDevice;
  info: GPUAdapterInfo;
  report: NonNullable<DeviceReport['adapter']>;
}

/** A CPU that speaks WebGPU is no GPU. */
function isSoftware(info: GPUAdapterInfo): boolean {
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase();
  return info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|software|basic render/.test(text);
}

/** @returns null where there is no adapter or the device is refused. */
export async function openGpu(gpu: GPU | null): Promise<OpenedGpu | null> {
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
  if (adapter === null || adapter === undefined) return null;
  const device = await adapter
    .requestDevice({
      requiredFeatures: OPTIONAL_FEATURES.filter((feature) => adapter.features.has(feature)),
      requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
    })
    .catch(() => null);
  if (device === null) return null;
  const { info } = adapter;
  return {
    device,
    info,
    report: {
      vendor: info.vendor,
      architecture: info.architecture,
      description: info.description,
      software: isSoftware(info),
      features: [...device.features].sort(),
      maxBufferSize: device.limits.maxBufferSize,
      maxStorageBufferBindingSize: device.limits.maxStorageBufferBindingSize,
    },
  };
}
