// A LogThreads object as JavaScript sees it: what the reactor needs to know of it.
#ifndef EMBERLOG_LOG_BINDING_H
#define EMBERLOG_LOG_BINDING_H

#include <node_api.h>

namespace emberlog {

class LogObject;

// The native side of a JavaScript LogThreads object, or null when the value is something else.
LogObject* logObjectOf(napi_env env, napi_value value);

// The eventfd that becomes readable at a completion.
int logDescriptor(LogObject* log);

// While a reactor watches the eventfd the object's own watch rests.
void logWatchOneself(LogObject* log, bool watch);

// Copies the progress into the state array. True when something has changed. On the main thread only.
bool logPublish(napi_env env, LogObject* log);

}  // namespace emberlog

#endif
