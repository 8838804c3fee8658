@echo off
rem The broker. Options: -n ADDRESSES, -c FILE, -p, -m, -h, KEY=VALUE...
setlocal
call "%~dp0ferrite-env.cmd" || exit /b 1
"%FERRITE%" org.apache.rocketmq.broker.BrokerStartup %*
