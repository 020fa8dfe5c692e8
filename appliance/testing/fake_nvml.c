/* A library that answers as NVIDIA's management library (libnvidia-ml.so.1) does, for machines without a GPU.

   What it tells stands in the file that FAKE_NVML names, read at every call, so that a test can change it while a
   process runs: lines of a key and a number, or a word.

     devices 8          how many devices there are; 8 A100 of 40 GB without a file
     mig 7              this device is in MIG mode, with two instances; may stand several times
     lost 3             this device has fallen off the bus; may stand several times
     init 9             nvmlInit answers this error code (9: driver not loaded, 18: versions differ)
     unsupported power  questions of that kind are not supported: memory, utilisation, temperature, power, limit, ecc,
                        mig, ids (of MIG instances), remap, persistence, processes
     absent memory_v2   an older driver, which answers NVML_ERROR_FUNCTION_NOT_FOUND to that question
     broken 999         every question to a device answers this error code
     uncorrected 2      ECC errors that could not be corrected, of every device
     driver 535.104.05  the driver's version; 570.86.15 otherwise
     model Tesla-T4     every device's name
     capability 75      every device's compute capability, 8.0 otherwise
     transient 3        this device is not in persistence mode; may stand several times
     remap 2            this device waits for a reset to replace a bad row of memory; may stand several times
     worn 2             this device has no row left to replace a bad one with; may stand several times
     busy 3             a process computes on this device; may stand several times
     pid 4242           the id of that process, 1 otherwise
     hang 1             questions to devices never come back

   Signatures and numbers are those of NVML's public documentation. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7,
    FUNCTION_NOT_FOUND = 13, GPU_IS_LOST = 15
};
enum { DEVICES = 16, INSTANCES = 2, MOST_INSTANCES = 7 };

#define GIB (1ULL << 30)

/* A handle is the address of one of these: of a device, or of an instance of it. */
struct handle { unsigned device; int instance; };
static struct handle handles[DEVICES][1 + INSTANCES];
static int opened = 0;

struct memory { unsigned long long total, free, used; };
struct memory_v2 { unsigned version; unsigned long long total, reserved, free, used; };
struct utilisation { unsigned gpu, memory; };
struct temperature { unsigned version, sensor; int celsius; };
struct process { unsigned pid; unsigned long long used; unsigned instance, compute; };

/* Return whether the file has the line `key value`; with a null value, the number that stands beside the key. */
static int told(const char *key, const char *value, int otherwise)
{
    const char *name = getenv("FAKE_NVML");
    FILE *file = name ? fopen(name, "r") : NULL;
    char found_key[32], found_value[32];
    int answer = otherwise;
    if (!file)
        return otherwise;
    while (fscanf(file, "%31s %31s", found_key, found_value) == 2) {
        if (strcmp(key, found_key))
            continue;
        if (!value)
            answer = atoi(found_value);
        else if (!strcmp(value, found_value))
            answer = 1;
    }
    fclose(file);
    return answer;
}

/* Return the word beside the key, in the caller's buffer of 32; `otherwise` where the file has none. */
static const char *word(const char *key, char *buffer, const char *otherwise)
{
    const char *name = getenv("FAKE_NVML");
    FILE *file = name ? fopen(name, "r") : NULL;
    char found_key[32], found_value[32];
    const char *answer = otherwise;
    if (!file)
        return otherwise;
    while (fscanf(file, "%31s %31s", found_key, found_value) == 2)
        if (!strcmp(key, found_key))
            answer = strcpy(buffer, found_value);
    fclose(file);
    return answer;
}

static int is(const char *key, unsigned device)
{
    char number[16];
    snprintf(number, sizeof number, "%u", device);
    return told(key, number, 0);
}

static unsigned count(void) { return (unsigned) told("devices", NULL, 8); }

/* Return what every question to a device begins with: whether it can be asked that at all. */
static int asked(const struct handle *handle, const char *kind)
{
    int broken = told("broken", NULL, 0);
    if (!opened)
        return UNINITIALIZED;
    while (told("hang", NULL, 0))
        usleep(10000);
    if (!handle)
        return INVALID_ARGUMENT;
    if (is("lost", handle->device))
        return GPU_IS_LOST;
    if (broken)
        return broken;
    return kind && told("unsupported", kind, 0) ? NOT_SUPPORTED : SUCCESS;
}

/* An instance has no sensors of its own, and a device in MIG mode does not tell its load. */
static int of_whole_device(const struct handle *handle, const char *kind)
{
    int answer = asked(handle, kind);
    return answer == SUCCESS && handle->instance >= 0 ? NOT_SUPPORTED : answer;
}

static int written(char *buffer, unsigned length, const char *text)
{
    if (strlen(text) + 1 > length)
        return INSUFFICIENT_SIZE;
    strcpy(buffer, text);
    return SUCCESS;
}

int nvmlInitWithFlags(unsigned flags)
{
    int refused = told("init", NULL, SUCCESS);
    (void) flags;
    if (refused)
        return refused;
    for (unsigned device = 0; device < DEVICES; device++)
        for (int instance = -1; instance < INSTANCES; instance++)
            handles[device][1 + instance] = (struct handle) { device, instance };
    opened++;
    return SUCCESS;
}

int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

int nvmlShutdown(void)
{
    if (!opened)
        return UNINITIALIZED;
    opened--;
    return SUCCESS;
}

const char *nvmlErrorString(int code) { return code == SUCCESS ? "Success" : "An error of the stand-in"; }

int nvmlSystemGetDriverVersion(char *buffer, unsigned length)
{
    char version[32];
    return opened ? written(buffer, length, word("driver", version, "570.86.15")) : UNINITIALIZED;
}

int nvmlSystemGetNVMLVersion(char *buffer, unsigned length) { return written(buffer, length, "12.570.86.15"); }

int nvmlSystemGetCudaDriverVersion_v2(int *version)
{
    *version = 12080;
    return opened ? SUCCESS : UNINITIALIZED;
}

int nvmlSystemGetCudaDriverVersion(int *version) { return nvmlSystemGetCudaDriverVersion_v2(version); }

int nvmlDeviceGetCount_v2(unsigned *found)
{
    int refused = told("init", NULL, SUCCESS);
    if (!opened)
        return UNINITIALIZED;
    *found = count();
    return refused;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct handle **handle)
{
    if (!opened)
        return UNINITIALIZED;
    if (index >= count() || index >= DEVICES)
        return INVALID_ARGUMENT;
    *handle = &handles[index][0];
    return is("lost", index) ? GPU_IS_LOST : SUCCESS;
}

int nvmlDeviceGetIndex(const struct handle *handle, unsigned *index)
{
    int answer = asked(handle, NULL);
    if (answer == SUCCESS)
        *index = handle->device;
    return answer;
}

int nvmlDeviceGetName(const struct handle *handle, char *buffer, unsigned length)
{
    char model[32];
    int answer = asked(handle, NULL);
    if (answer != SUCCESS)
        return answer;
    if (handle->instance >= 0)
        return written(buffer, length, "NVIDIA A100-SXM4-40GB MIG 3g.20gb");
    return written(buffer, length, word("model", model, "NVIDIA A100-SXM4-40GB"));
}

int nvmlDeviceGetUUID(const struct handle *handle, char *buffer, unsigned length)
{
    char uuid[64];
    int answer = asked(handle, NULL);
    if (answer != SUCCESS)
        return answer;
    snprintf(uuid, sizeof uuid, "%s-00000000-0000-4000-8000-%06u%06u", handle->instance < 0 ? "GPU" : "MIG",
             handle->device, (unsigned) (1 + handle->instance));
    return written(buffer, length, uuid);
}

int nvmlDeviceGetCudaComputeCapability(const struct handle *handle, int *major, int *minor)
{
    *major = told("capability", NULL, 80) / 10;
    *minor = told("capability", NULL, 80) % 10;
    return asked(handle, NULL);
}

static unsigned long long total(const struct handle *handle) { return (handle->instance < 0 ? 40 : 20) * GIB; }

/* Each device uses a GiB more than the one before it, so that a reading cannot stand for another's. */
static unsigned long long used(const struct handle *handle) { return (1 + handle->device) * GIB; }

int nvmlDeviceGetMemoryInfo(const struct handle *handle, struct memory *memory)
{
    int answer = asked(handle, "memory");
    if (answer == SUCCESS)
        *memory = (struct memory) { total(handle), total(handle) - used(handle) - GIB, used(handle) + GIB };
    return answer;
}

/* What the driver keeps for itself is told apart here, and counted as used in the older question. */
int nvmlDeviceGetMemoryInfo_v2(const struct handle *handle, struct memory_v2 *memory)
{
    int answer = told("absent", "memory_v2", 0) ? FUNCTION_NOT_FOUND : asked(handle, "memory");
    if (answer == SUCCESS)
        *memory = (struct memory_v2) {
            memory->version, total(handle), GIB, total(handle) - used(handle) - GIB, used(handle)
        };
    return answer;
}

int nvmlDeviceGetUtilizationRates(const struct handle *handle, struct utilisation *rates)
{
    int answer = of_whole_device(handle, "utilisation");
    if (answer == SUCCESS && is("mig", handle->device))
        return NOT_SUPPORTED;
    if (answer == SUCCESS)
        *rates = (struct utilisation) { 10 * (1 + handle->device), 5 };
    return answer;
}

int nvmlDeviceGetTemperatureV(const struct handle *handle, struct temperature *asked_for)
{
    int answer = told("absent", "temperature_v", 0) ? FUNCTION_NOT_FOUND : of_whole_device(handle, "temperature");
    if (answer == SUCCESS)
        asked_for->celsius = 50 + (int) handle->device;
    return answer;
}

int nvmlDeviceGetTemperature(const struct handle *handle, int sensor, unsigned *celsius)
{
    int answer = of_whole_device(handle, "temperature");
    (void) sensor;
    if (answer == SUCCESS)
        *celsius = 50 + handle->device;
    return answer;
}

int nvmlDeviceGetPowerUsage(const struct handle *handle, unsigned *milliwatts)
{
    int answer = of_whole_device(handle, "power");
    if (answer == SUCCESS)
        *milliwatts = 100500 + 1000 * handle->device;
    return answer;
}

int nvmlDeviceGetEnforcedPowerLimit(const struct handle *handle, unsigned *milliwatts)
{
    int answer = of_whole_device(handle, "limit");
    if (answer == SUCCESS)
        *milliwatts = 400000;
    return answer;
}

/* Errors that were corrected are type 0, the others type 1; since the driver was loaded is counter 0. */
int nvmlDeviceGetTotalEccErrors(const struct handle *handle, int type, int counter, unsigned long long *errors)
{
    int answer = of_whole_device(handle, "ecc");
    if (answer == SUCCESS)
        *errors = counter ? 1000 : type ? (unsigned long long) told("uncorrected", NULL, 0) : handle->device;
    return answer;
}

int nvmlDeviceGetMigMode(const struct handle *handle, unsigned *current, unsigned *pending)
{
    int answer = asked(handle, "mig");
    if (answer == SUCCESS)
        *current = *pending = (unsigned) is("mig", handle->device);
    return answer;
}

int nvmlDeviceGetMaxMigDeviceCount(const struct handle *handle, unsigned *most)
{
    *most = MOST_INSTANCES;
    return asked(handle, NULL);
}

/* There are as many places as instances of the smallest kind would have; most are empty. */
int nvmlDeviceGetMigDeviceHandleByIndex(const struct handle *handle, unsigned index, struct handle **instance)
{
    int answer = asked(handle, NULL);
    if (answer != SUCCESS)
        return answer;
    if (!is("mig", handle->device) || index >= MOST_INSTANCES)
        return INVALID_ARGUMENT;
    if (index >= INSTANCES)
        return NOT_FOUND;
    *instance = &handles[handle->device][1 + index];
    return SUCCESS;
}

int nvmlDeviceGetGpuInstanceId(const struct handle *handle, unsigned *id)
{
    int answer = asked(handle, "ids");
    if (answer != SUCCESS)
        return answer;
    if (handle->instance < 0)
        return NOT_SUPPORTED;
    *id = 1 + (unsigned) handle->instance;
    return SUCCESS;
}

int nvmlDeviceGetComputeInstanceId(const struct handle *handle, unsigned *id)
{
    *id = 0;
    return handle && handle->instance < 0 ? NOT_SUPPORTED : asked(handle, NULL);
}

int nvmlDeviceGetPersistenceMode(const struct handle *handle, unsigned *mode)
{
    int answer = of_whole_device(handle, "persistence");
    if (answer == SUCCESS)
        *mode = !is("transient", handle->device);
    return answer;
}

/* Counters of rows that were replaced are not zero, so that they cannot be taken for what is pending or failed. */
int nvmlDeviceGetRemappedRows(const struct handle *handle, unsigned *corrected, unsigned *uncorrected,
                              unsigned *pending, unsigned *failed)
{
    int answer = of_whole_device(handle, "remap");
    if (answer == SUCCESS) {
        *corrected = 3;
        *uncorrected = 2;
        *pending = (unsigned) is("remap", handle->device);
        *failed = (unsigned) is("worn", handle->device);
    }
    return answer;
}

int nvmlDeviceGetComputeRunningProcesses_v3(const struct handle *handle, unsigned *count, struct process *found)
{
    int answer = asked(handle, "processes");
    unsigned room = *count;
    if (answer != SUCCESS)
        return answer;
    *count = is("busy", handle->device) ? 1 : 0;
    if (*count > room)
        return INSUFFICIENT_SIZE;
    if (*count)
        *found = (struct process) { (unsigned) told("pid", NULL, 1), GIB, 0xffffffffu, 0xffffffffu };
    return SUCCESS;
}
