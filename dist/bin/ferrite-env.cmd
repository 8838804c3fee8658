@echo off
rem Called by every script: finds the binary and the places RocketMQ's users know.
set "FERRITE=%~dp0ferrite.exe"
if not exist "%FERRITE%" echo No ferrite.exe in %~dp0 & exit /b 1
if not defined ROCKETMQ_HOME for %%d in ("%~dp0..") do set "ROCKETMQ_HOME=%%~fd"
if not defined ROCKETMQ_LOG_DIR set "ROCKETMQ_LOG_DIR=%USERPROFILE%\logs\rocketmqlogs"
